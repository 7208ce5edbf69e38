"""The steps that make a model smaller: its parent, tiles, gate, search and timing. Needs torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from smalti.arrays import Pixels
from smalti.card import Card
from smalti.deploy.calibration_tiles import calibration_tiles, drawn_tiles, spread
from smalti.deploy.release import export_checkpoint
from smalti.deploy.shrink.card import card_of
from smalti.deploy.shrink.gate import Agreement, Judge, Labelled, worst
from smalti.deploy.shrink.search import Search, Shrunk
from smalti.errors import ModelError, OptionError
from smalti.evaluation.result import Evaluation
from smalti.runtime.integers import in_floats
from smalti.runtime.models import ModelFile, find_model, sealed, verify
from smalti.watch import Say
from smalti.workflows.bench import Bench, bench
from smalti.workflows.evaluate import evaluate
from smalti.workflows.export import say_to
from smalti.workflows.models import checkpoint_folder
from smalti.workflows.progress import Show
from smalti.workflows.shrink_done import ShrinkDone, Targets

SEEDS = range(4001, 4025)
"""Drawn scenes, where no images are given to calibrate on."""
MOST = 100
"""Tiles of given images, spread over all of them."""
SECONDS = 1.5
"""Of measurement per model and engine."""


@dataclass(frozen=True, slots=True)
class TileSet:
    """Tiles 1,C,H,W of raw pixels."""

    tiles: Sequence[Pixels]
    text: str
    """What they are of."""

    @property
    def used(self) -> Sequence[Pixels]:
        """Those for the calibration."""
        return self.tiles[::2]

    @property
    def held_out(self) -> Sequence[Pixels]:
        """Those to compare on."""
        return self.tiles[1::2]


class ShrinkWork:
    """Makes models smaller, and compares them with their parent."""

    def __init__(
        self, parent: ModelFile, out: Path, folder: Path, *, tiles: TileSet, judge: Judge, targets: Targets, say: Say
    ) -> None:
        """`folder` is for files that nobody needs later; `out` is the model to be written, by the caller."""
        self.parent, self.targets = parent, targets
        self._out, self._folder, self._tiles, self._judge, self._say = out, folder, tiles, judge, say

    def run(
        self, source: ModelFile, tile: int | None, *, only_weights: bool = False, before: Sequence[str] = ()
    ) -> ShrinkDone:
        """Makes a model smaller: the parent, or one that was made from it.

        Args:
            source: The model.
            tile: Height and width of tiles of the result; None for those of the model.
            only_weights: Only store weights in 8 bits.
            before: How it was made from the parent, for the card.
        """
        card = with_tile(source.card, tile).model_copy(update={"name": self._out.stem})
        lost = 0.0 if source is self.parent else worst(self._judge(source))
        search = Search(source, card, self._judge, self.targets.loss, self._say, lost)
        found = search.packed() if only_weights else search.run(self._tiles.used)
        images = f"{len(self._tiles.used)} tiles of {self._tiles.text}"
        card = card_of(self.parent, found, images, self.targets.loss, before)
        content, digest = sealed(found.model.content, self._out, card)
        return self.done(ModelFile(self._out, content, card, digest), found, self._timed(content))

    def done(self, model: ModelFile, found: Shrunk, timings: Bench) -> ShrinkDone:
        """The result of a model that was made smaller."""
        missed = self.targets.missed(found, timings, model.size)
        return ShrinkDone(self.parent, model, found, timings, self._tiles.held_out, missed)

    def _timed(self, content: bytes) -> Bench:
        """The speed of the parent and of the result with each installed engine."""
        self._say("measuring the speed of both")
        files = {"before": self.parent.content, "after": content}
        for name, each in files.items():
            (self._folder / f"{name}.onnx").write_bytes(each)
        found = bench([str(self._folder / f"{name}.onnx") for name in files], seconds=SECONDS)
        named = tuple(replace(each, model=Path(each.model).stem) for each in found.timings)
        return replace(found, timings=named, cards={Path(path).stem: card for path, card in found.cards.items()})


def shrink_once(
    model: str, out: Path, folder: Path, *, images: Sequence[str], data: Sequence[Path], targets: Targets,
    tile: int | None, only_weights: bool, show: Show | None,
) -> ShrinkDone:  # fmt: skip
    """Makes a model smaller without training; `folder` is for files that nobody needs later.

    Raises the errors of `smalti.workflows.shrink` about the model, images and labels.
    """
    parent = parent_of(model, folder, say_to(model, show))
    tiles = tiles_of(images, with_tile(parent.card, tile).model_copy(update={"name": out.stem}))
    score = scoring(folder, lambda file: {str(each): evaluate(file, each) for each in data})
    judge = Labelled(parent, score) if data else Agreement(parent, tiles.held_out)
    work = ShrinkWork(parent, out, folder, tiles=tiles, judge=judge, targets=targets, say=say_to(out.name, show))
    return work.run(parent, tile, only_weights=only_weights)


def parent_of(model: str, folder: Path, say: Say) -> ModelFile:
    """The model as a file; that of a checkpoint is exported into the folder. ModelError if it ranks photos."""
    checkpoint = checkpoint_folder(model)
    file = find_model(model) if checkpoint is None else folder / "parent.onnx"
    if checkpoint is not None:
        export_checkpoint(checkpoint, file, say=say)
    found = in_floats(verify(file))
    if found.card.tasks[0].kind == "score":
        raise ModelError(f"{model}: ranks photos; only models of pixels or images are made smaller", value=model)
    return found


def tiles_of(images: Sequence[str], card: Card) -> TileSet:
    """Tiles of given or drawn images; raises the errors of `smalti.workflows.shrink` about images."""
    if not images:
        return TileSet(drawn_tiles(card, SEEDS), "drawn scenes")
    found = [tile for each in images for tile in calibration_tiles(each, card)]
    return TileSet(spread(found, MOST), ", ".join("/".join(Path(each).parts[-2:]) for each in images))


def scoring(
    folder: Path, scores: Callable[[Path], dict[str, Evaluation]]
) -> Callable[[ModelFile], dict[str, Evaluation]]:
    """A function that scores a model by way of a file in the folder; `scores` does so, by the name of the data."""

    def score(model: ModelFile) -> dict[str, Evaluation]:
        file = folder / "scored.onnx"
        file.write_bytes(model.content)
        return scores(file)

    return score


def with_tile(card: Card, tile: int | None) -> Card:
    """The card with another size of tiles, if one is given; OptionError for one that its net does not take."""
    side = card.tile if tile is None else tile
    if side % card.stride or side <= card.overlap:
        text = f"tile is {side}; {card.name} takes multiples of {card.stride} pixels above {card.overlap}"
        raise OptionError(text, value=tile)
    return card.model_copy(update={"tile": side})
