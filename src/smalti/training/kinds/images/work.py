"""Training of nets that predict whole images: random crops in, the centre of each validation image scored."""

import math
import time
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn

from smalti.card import Card
from smalti.data.identity import Identity
from smalti.data.images.labelled import Labelled
from smalti.data.images.stream import Cut, ImageBatch, ImageStream, one_pass
from smalti.evaluation import Evaluation
from smalti.evaluation.images import FIGURES, ImageCounts, ImageScores, image_evaluation, seen
from smalti.evaluation.protocol import Stated
from smalti.losses.images import mix
from smalti.nets.build import Model, build
from smalti.nets.multitask.values import begin_values
from smalti.scene import Predictor
from smalti.text import count
from smalti.training.distributed import ALONE
from smalti.training.kinds.images.losses import make_image_loss
from smalti.training.kinds.images.settings import ImagesRecipe
from smalti.training.kinds.images.split import data_name, make_cutter, open_split
from smalti.training.predict import TorchPredictor, load_model
from smalti.training.warmstart import check_source, fill_branch, start_encoder
from smalti.training.work import Conclusion
from smalti.watch import Watch, unwatched

SELECTABLE = {"image_classes": ("top1", "top5", "macro_f1", "one_off"), "image_value": ("neg_mae", "delta1")}
"""By kind of task the scores that may choose a checkpoint, the main one first; `neg_mae` is minus the MAE."""
PARTS = {"validation": "the images that chose the checkpoint", "test": "images not used for any choice"}


class ImagesWork:
    """See `training.work.Work` and `training.distributed.Shareable`.

    Lists all sources at the start, so that none fails later.
    """

    def __init__(self, recipe: ImagesRecipe, card: Card, watch: Watch = unwatched) -> None:
        self.recipe, self.card = recipe, card
        check_source(recipe.net, recipe.root)
        self.team = ALONE
        self.split = open_split(recipe, card, watch)
        self.cutter = make_cutter(recipe, card.tile)
        t = recipe.train
        self.stream = ImageStream(self.split.train, self.split.repeats, recipe.augment, self.cutter, t.seed)
        self.model = self._start()
        self.balance = recipe.balance.make(recipe.weights) if len(card.tasks) > 1 else None
        pairs = list(zip(card.tasks, recipe.card.tasks, strict=True))
        self._losses = [make_image_loss(task, settings, self.split.train) for task, settings in pairs]
        tasks = recipe.card.tasks
        self._filled = [told for task in tasks for told in fill_branch(self.model, task.name, task.init, self.images)]

    def _start(self) -> Model:
        """The model with its starting weights; the first images initialise batch norms that the weights lack."""
        recipe = self.recipe
        model = build(self.card, recipe.train.seed)
        first = partial(self.stream.batch, 0, recipe.train.batch)
        start_encoder(model, recipe.net, recipe.root, lambda: model.normalise(first()["image"]))
        for task in self.card.tasks:
            if not task.has_classes:
                begin_values(model, task.name, torch.from_numpy(self.split.train.targets[task.name]))
        return model

    @property
    def identity(self) -> dict[str, Identity]:
        """See `Work`."""
        return self.split.identity

    @property
    def selectable(self) -> tuple[str, ...]:
        """See `Work`: `mean` is over the tasks' main scores, top-1 of classes and delta 1 of values."""
        names = [
            f"{task.name}/{name}"
            for task, settings in zip(self.card.tasks, self.recipe.card.tasks, strict=True)
            for name in SELECTABLE[task.kind]
            if name != "one_off" or (settings.kind == "image_classes" and settings.ordered)
        ]
        return tuple(names) if len(self.card.tasks) == 1 else ("mean", *names)

    @property
    def undefined(self) -> dict[str, str]:
        """See `Work`."""
        found: dict[str, str] = {}
        shares: list[str] = []
        for task in self.card.tasks:
            targets, share = self.split.validation.targets[task.name], "top1" if task.has_classes else "delta1"
            if not self.split.validation.known(task.name):
                why = f"no validation image has a label of {task.name}"
                found |= {f"{task.name}/{name}": why for name in SELECTABLE[task.kind]}
            elif not task.has_classes and not (targets > 0).any():
                found[f"{task.name}/{share}"] = f"no validation image has a {task.name} above 0"
            shares.append(found.get(f"{task.name}/{share}", ""))
        return found | ({"mean": "; ".join(shares)} if len(shares) > 1 and all(shares) else {})

    def images(self) -> Tensor:
        """See `Work`."""
        return self.stream.batch(0, self.recipe.train.batch)["image"]

    def batches(self, first: int) -> Generator[ImageBatch, None, None]:
        """See `Work`."""
        t = self.recipe.train
        return self.stream.batches(first, t.batch, t.workers, self.team.share(t.batch))

    def names(self, batch: ImageBatch) -> list[str]:
        """See `Work`."""
        return batch["names"]

    def terms(self, model: Callable[..., Any], batch: ImageBatch) -> dict[str, Tensor]:
        """See `Work`. A task without a label in the batch is skipped."""
        mixed = bool(self.recipe.augment.mixup)
        image = mix(batch["image"], batch["share"]) if mixed else batch["image"]
        if self.recipe.train.channels_last:
            image = image.contiguous(memory_format=torch.channels_last)
        outputs = {name: self.team.gather(output) for name, output in model(image).items()}
        targets = {name: self.team.gather(target) for name, target in batch["targets"].items()}
        share = self.team.gather(batch["share"]) if mixed else None
        terms = {name: term for loss in self._losses for name, term in loss(outputs, targets, share).items()}
        if terms or self.balance:
            return terms
        return {name: output.sum() * 0 for name, output in outputs.items()}  # the backward pass needs a term

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Scores on all images, divided among processes; their counts are summed before any division."""
        assert isinstance(model, Model)
        found = self._judge(TorchPredictor(model), self.split.validation)
        scores = {f"{one.task}/{name}": value for one in found for name, value in one.figures().items()}
        scores |= {f"{one.task}/neg_mae": -one.mae for one in found if math.isfinite(one.mae)}
        shares = [one.top1 if math.isfinite(one.top1) else one.delta1 for one in found]
        if len(found) > 1 and (known := [share for share in shares if math.isfinite(share)]):
            scores["mean"] = fmean(known)
        return scores

    def _judge(self, predict: Predictor, images: Labelled) -> tuple[ImageScores, ...]:
        team = self.team
        counts = count_predictions(
            self.recipe, predict, images, range(team.rank, len(images.files), team.size), self.cutter
        )
        counts.counts = team.sum(torch.from_numpy(counts.counts)).numpy()
        return counts.scores()

    def report(self, scores: dict[str, float]) -> str:
        """See `Work`."""
        lines = []
        for task in self.card.tasks:
            values = [(figure, scores.get(f"{task.name}/{name}")) for name, figure in FIGURES.items()]
            texts = [f"{figure[0]} {100 * v if figure[1] else v:.2f}" for figure, v in values if v is not None]
            lines.append(" ".join([task.name, *texts]))
        return "  ".join(lines)

    def introduction(self) -> list[str]:
        """See `Work`."""
        t, net = self.recipe.train, self.recipe.net
        parameters = sum(p.numel() for p in self.model.parameters())
        batch = t.batch * t.accumulate
        once = count(math.ceil(self.stream.length / batch), "step")
        return [
            f"{self.card.name}: {self.card.net} on {net.encoder}, {parameters:,} parameters",
            *self.split.lines(),
            f"{count(t.steps, 'step')} of {count(batch, 'image')} of {self.card.tile}x{self.card.tile}; "
            f"one pass over the {count(self.stream.length, 'image')} is {once}",
            *self._filled,
        ]

    def warnings(self) -> list[str]:
        """See `Work`."""
        lines = []
        for task in self.card.tasks:
            if not task.has_classes:
                continue
            train, validation = self.split.train.counts(task), self.split.validation.counts(task)
            counts = list(zip(task.labels, train, validation, strict=True))
            if names := [name for name, images, _ in counts if not images]:
                lines.append(f"no training image is of class {', '.join(names)} of {task.name}")
            if names := [name for name, images, others in counts if images and not others]:
                lines.append(
                    f"no validation image is of class {', '.join(names)} of {task.name}: it does not influence "
                    "the choice of the checkpoint"
                )
        return lines

    def conclude(self, folder: Path) -> Conclusion:
        """See `Work`."""
        predict = TorchPredictor(load_model(folder))
        texts: list[str] = []
        scores: dict[str, float] = {}
        for part, split in PARTS.items():
            if images := getattr(self.split, part):
                found = evaluate_images(self.recipe, predict, images, part, f"{part}: {split}", self.cutter)
                texts.append(f"\n{part}\n{found}")
                scores |= {
                    f"{part}/{one.task.name}/{name}": value
                    for one in found
                    for name, value in one.scores.figures().items()
                }
        return Conclusion("\n".join(texts), scores)


def evaluate_images(
    recipe: ImagesRecipe, predict: Predictor, images: Labelled, part: str, split: str, cutter: Cut
) -> Evaluation:
    """Scores a model on the images of a recipe's part, cropped as in the recipe."""
    started = time.perf_counter()
    card = predict.card
    counts = count_predictions(recipe, predict, images, range(len(images.files)), cutter)
    sources = recipe.data.test if part == "test" else recipe.data.validation
    view = seen(recipe.data.resize, card.tile)
    stated = Stated(data_name(sources), split, card.origin.chosen, card)
    seconds = time.perf_counter() - started
    return image_evaluation(stated, counts.scores(), images=len(images.files), seen=view, seconds=seconds)


def count_predictions(
    recipe: ImagesRecipe, predict: Predictor, images: Labelled, places: range, cutter: Cut
) -> ImageCounts:
    """The counts of a model's predictions for the centres of some images."""
    card, t = predict.card, recipe.train
    counts = ImageCounts(
        card.tasks, [task.name for task in recipe.card.tasks if task.kind == "image_classes" and task.ordered]
    )
    share = card.tile / recipe.data.resize
    for batch in one_pass(images, places, t.batch // (t.devices * t.nodes), share, cutter, t.workers):
        truth = {name: target.numpy() for name, target in batch["targets"].items()}
        counts.add(truth, predict(batch["image"].numpy()))
    return counts
