"""Training of nets that rank photos: series in, pairs scored."""

import time
from collections.abc import Callable, Generator, Sequence
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from smalti.card import Card
from smalti.data.identity import Identity, identity, marks
from smalti.data.images.copies import coded_copies
from smalti.data.images.listing import ENDINGS, check_whole
from smalti.data.photos.inputs import InputCache, SeriesInputs
from smalti.data.photos.series import Collection, FileSeries, check_split
from smalti.data.photos.stream import Comparison, PhotoStream
from smalti.errors import DataError
from smalti.evaluation.protocol import Stated
from smalti.evaluation.ranking import Judged, RankingScores, ranking_evaluation, score_ranking
from smalti.nets.build import Model, build
from smalti.text import count
from smalti.training.encoder_cache import cache_maps
from smalti.training.kinds.ranking.preference import group_loss, list_loss, pair_loss, steady_loss
from smalti.training.kinds.ranking.settings import AnySource, RankingRecipe
from smalti.training.predict import load_model
from smalti.training.warmstart import check_source, start_encoder
from smalti.training.work import Conclusion
from smalti.watch import Watch, unwatched

START = 16
"""Series that initialise batch norms, the cues' scale and the mean photo before the first step."""
SHARES = {"training": 0.7, "validation": 0.3, "test": 0.0}
"""Of the memory: training data must not evict the validation data, which are read repeatedly; a test is read once."""
SHARE_OF_MAPS = 0.65
"""Of the memory: the part for the encoder's maps, if they are kept."""
PARTS = {"train": "training", "validation": "validation"}
"""The parts that influence weights and checkpoint, with their names in messages."""

NO_BEST = "no validation series has a photo that is known to be better than all others"


class RankingWork:
    """See `training.work.Work`."""

    selectable = ("accuracy", "top1", "likelihood")

    def __init__(self, recipe: RankingRecipe, card: Card, watch: Watch = unwatched) -> None:
        """Opens all sources at the start; DataError if a series is on two sides of the split."""
        self.recipe, self.card = recipe, card
        check_source(recipe.net, recipe.root)
        data = recipe.data
        parts = {"training": data.train, "validation": data.validation, "test": data.test}
        opened = {part: [source.open(recipe.root) for source in sources] for part, sources in parts.items()}
        for one, other in combinations(opened, 2):
            check_split(opened[one], opened[other], (one, other))
        for part, collections in opened.items():
            _check_part(part, collections)
        for one, other in combinations(opened, 2):
            _check_copies(opened[one], opened[other], (one, other), watch)
        self.identity = {part: _identity(opened[name], watch) for part, name in PARTS.items()}
        series = (one.truth(number) for one in opened["validation"] for number in range(len(one)))
        self.undefined = {} if any(truth.best is not None for truth in series) else {"top1": NO_BEST}
        """See `Work`."""
        self._opened = opened
        looks = data.memory_mb * (1 - SHARE_OF_MAPS if data.variants else 1) * 1_000_000
        memory = {part: int(share * looks) for part, share in SHARES.items()}
        self._scored = {part: InputCache(opened[part], memory[part]) for part in ("validation", "test")}
        t = recipe.train
        weights = [source.weight for source in data.train]
        cache = InputCache(opened["training"], memory["training"])
        hard, variants = data.labels == "hard", data.variants
        self.stream = PhotoStream(
            cache, weights, recipe.augment, photos=t.photos, hard=hard, seed=t.seed, variants=variants
        )
        self.model = self._start()

    def _start(self) -> Model:
        """The model with its starting weights, and the statistics that it takes from some training photos."""
        recipe = self.recipe
        model = build(self.card, recipe.train.seed)
        first = self.stream.batch(0, START)
        with torch.no_grad():
            images = model.normalise(first["image"])
        net: Any = model.net
        start_encoder(model, recipe.net, recipe.root, lambda: images)
        model.eval()
        net.start(images, first["cues"])
        if recipe.data.variants:
            cache_maps(net.encoder, int(SHARE_OF_MAPS * recipe.data.memory_mb * 1_000_000))
        return model.train()

    def images(self) -> Tensor:
        """See `Work`."""
        return self.stream.batch(0, START)["image"]

    def batches(self, first: int) -> Generator[Comparison, None, None]:
        """See `Work`."""
        t = self.recipe.train
        return self.stream.batches(first, t.batch, t.workers)

    def names(self, batch: Comparison) -> list[str]:
        """See `Work`."""
        return batch["names"]

    def terms(self, model: Callable[..., Any], batch: Comparison) -> dict[str, Tensor]:
        """See `Work`."""
        outputs = self._outputs(model, batch)
        terms: dict[str, Callable[[], Tensor]] = {
            "pairs": lambda: pair_loss(outputs["preference"], batch["chance"]),
            "list": lambda: list_loss(outputs["score"][:, 0], batch["series"], batch["place"]),
            "steady": lambda: steady_loss(outputs["score"], outputs["twin"]),
            "group": lambda: group_loss(outputs["embedding"], batch["series"]),
        }
        return {name: weight * terms[name]() for name, weight in self.recipe.loss.items()}

    def _outputs(self, model: Callable[..., Any], batch: Comparison) -> dict[str, Tensor]:
        """The model's outputs; with the loss `steady` also `twin` P,1, the scores of the photos saved differently."""
        if "steady" not in self.recipe.loss:
            return dict(model(batch["image"], batch["cues"], batch["pairs"]))
        image, cues = (torch.cat((batch[one], batch[f"twin_{one}"])) for one in ("image", "cues"))  # type: ignore[literal-required]
        outputs: dict[str, Tensor] = model(image, cues, batch["pairs"], 2)
        score, twin = outputs["score"].chunk(2)
        return outputs | {"score": score, "twin": twin, "embedding": outputs["embedding"].chunk(2)[0]}

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Scores of all pairs of all validation series."""
        assert isinstance(model, Model)
        return _scores(self._judge(model, "validation"))

    def report(self, scores: dict[str, float]) -> str:
        """See `Work`."""
        return (
            f"pairs {100 * scores['accuracy']:.2f} ± {100 * scores['error']:.2f} %  "
            f"best of series {100 * scores['top1']:.2f} %  log-loss {-scores['likelihood']:.3f}"
        )

    def introduction(self) -> list[str]:
        """See `Work`."""
        t, net = self.recipe.train, self.recipe.net
        parameters = sum(p.numel() for p in self.model.parameters())
        sizes = {part: sum(map(len, collections)) for part, collections in self._opened.items()}
        return [
            f"{self.card.name}: {self.card.net} on {net.encoder}, {parameters:,} parameters",
            f"train       {sizes['training']} series",
            f"validation  {sizes['validation']} series (they choose the checkpoint)",
            f"test        {sizes['test']} series (scored only)",
            f"{count(t.steps, 'step')} of {t.batch * t.accumulate} series of at most {t.photos} photos",
        ]

    def warnings(self) -> list[str]:
        """See `Work`."""
        return []

    def conclude(self, folder: Path) -> Conclusion:
        """See `Work`."""
        model = load_model(folder)
        card = model.card
        texts: list[str] = []
        scores: dict[str, float] = {}
        sources = {"validation": self.recipe.data.validation, "test": self.recipe.data.test}
        splits = {"validation": "by which the checkpoint was chosen", "test": "not used for any choice"}
        for part, split in splits.items():
            if sources[part]:
                started = time.perf_counter()
                judged = self._judge(model, part)
                stated = Stated(data_name(sources[part]), f"{part}, {split}", card.origin.chosen, card)
                seconds = time.perf_counter() - started
                found = ranking_evaluation(stated, judged, {}, labels="as in the recipe", seconds=seconds)
                texts.append(f"\n{part}\n{found}")
                scores |= {f"{part}/{name}": value for name, value in _scores(judged).items()}
        return Conclusion("\n".join(texts), scores)

    def _judge(self, model: Model, part: str) -> RankingScores:
        cache = self._scored[part]
        places = [(c, n) for c, collection in enumerate(cache.collections) for n in range(len(collection))]
        judged: list[Judged] = []
        for c, n in places:  # one series at a time: a ranker sees each photo from eight sides
            judged += judge(model, [cache.take(c, n)])
        return score_ranking(judged)


def _check_copies(
    first: Sequence[Collection], second: Sequence[Collection], names: tuple[str, str], watch: Watch
) -> None:
    """DataError if a photo is on both sides under two names."""
    ours, theirs = ([str(path) for collection in side for path in collection.files] for side in (first, second))
    if found := coded_copies(ours, theirs, watch):
        one, other = found[0]
        places = f"{one} ({names[0]}) and {other} ({names[1]})"
        raise DataError(f"{places} are copies of one photo ({len(found)} in all); split by series")


def _check_part(part: str, collections: Sequence[Collection]) -> None:
    """DataError for a truncated photo, or if no photo is preferred to another."""
    check_whole(path for one in collections for path in one.files if path.suffix.lower() in ENDINGS)
    made = [one for one in collections if not isinstance(one, FileSeries)]
    series = (one.truth(number) for one in collections for number in range(len(one)) if one not in made)
    if collections and not made and all(chance == 0.5 for truth in series for _, _, chance in truth.preferences):
        raise DataError(f"{part}: no photo is preferred to another (every probability is 0.5); nothing to learn from")


def _identity(collections: Sequence[Collection], watch: Watch) -> Identity:
    """The identity of the photos and of their known order; synthetic series depend on their files and the recipe."""
    files = [path for collection in collections for path in collection.files]
    series = (collection for collection in collections if isinstance(collection, FileSeries))
    orders = (repr(one.truth(number).preferences) for one in series for number in range(len(one)))
    return identity(len(files), chain(marks(files, watch), orders))


def judge(model: Model, series: Sequence[SeriesInputs]) -> list[Judged]:
    """A model's predictions for all ordered pairs of some series."""
    predicted = logits(model, [(one.images, one.cues) for one in series])
    return [
        Judged(one.truth.name, one.truth.preferences, one.truth.best, own)
        for one, own in zip(series, predicted, strict=True)
    ]


@torch.inference_mode()
def logits(model: Model, series: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
    """The logits n,n, per series, that the row's photo is better than the column's.

    Args:
        model: put into evaluation mode.
        series: overviews n,3,SIDE,SIDE, float32, and cues n,K of each.
    """
    model.eval()
    device = next(model.parameters()).device
    images, numbers = (torch.from_numpy(np.concatenate(parts)) for parts in zip(*series, strict=True))
    sizes = [len(part) for part, _ in series]
    starts = np.cumsum([0, *sizes[:-1]]).tolist()
    pairs = [torch.cartesian_prod(*[torch.arange(size)] * 2) + start for size, start in zip(sizes, starts, strict=True)]
    found = model(*(part.to(device) for part in (images, numbers, torch.cat(pairs))))["preference"].float().cpu()
    return [
        own.reshape(size, size).numpy() for size, own in zip(sizes, found.split([n * n for n in sizes]), strict=True)
    ]


def checkpoint_logits(folder: Path) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Opens a checkpoint for one series at a time: overviews and cues in, logits out; ModelError if it does not fit."""
    model = load_model(folder)
    return lambda images, numbers: logits(model, [(images, numbers)])[0]


def _scores(found: RankingScores) -> dict[str, float]:
    scores = {"accuracy": found.accuracy, "error": found.error, "top1": found.top1}
    return scores | {"likelihood": -found.log_loss, "calibration_error": found.ece}


def data_name(sources: Sequence[AnySource]) -> str:
    """The name of the data of some sources, for reports."""
    names = []
    for source in sources:
        if source.kind == "worsened":
            made = [*source.originals, *([f"{len(source.drawn)} drawn scenes"] if source.drawn else [])]
            names.append(f"{source.series} series made of {', '.join(made)} (seed {source.seed})")
        else:
            names.append(source.pairs if source.kind == "triage" else source.path)
    return "; ".join(names)


def open_part(recipe: RankingRecipe, part: str) -> tuple[list[Collection], str]:
    """The collections of a recipe's part `validation` or `test`, and their name."""
    sources = recipe.data.test if part == "test" else recipe.data.validation
    return [source.open(recipe.root) for source in sources], data_name(sources)
