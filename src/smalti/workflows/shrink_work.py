"""The steps that make a model smaller: its parent, tiles, gate, search, timing, and page. Needs torch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from smalti.arrays import Pixels
from smalti.card import Card
from smalti.deploy.calibration_tiles import calibration_tiles, drawn_tiles
from smalti.deploy.release import export_checkpoint
from smalti.deploy.shrink.card import card_of
from smalti.deploy.shrink.cost import Cost, cost_of
from smalti.deploy.shrink.gate import Agreement, Judge, Labelled
from smalti.deploy.shrink.pictures import differing
from smalti.deploy.shrink.search import Search, Shrunk
from smalti.errors import ModelError, OptionError
from smalti.evaluation.result import Evaluation
from smalti.report.shrink_page import PageTable, picture_row, shrink_page
from smalti.runtime.models import ModelFile, find_model, sealed, verify
from smalti.workflows.bench import HEADS, Bench, bench
from smalti.workflows.evaluate import evaluate
from smalti.workflows.export import say_to
from smalti.workflows.models import checkpoint_folder
from smalti.workflows.progress import Show

SEEDS = range(4001, 4025)
"""Drawn scenes, where no images are given to calibrate on."""
MOST = 100
"""Tiles of given images, spread over all of them."""
SECONDS = 1.5
"""Of measurement per model and engine."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What a result has to reach."""

    loss: float
    milliseconds: float | None
    megabytes: float | None

    def missed(self, found: Shrunk, timings: Bench, size: int) -> str:
        """What is missed, in words; empty if all is reached."""
        parts = []
        if found.loss > self.loss:
            parts.append(f"the loss is {found.loss:.2f} %, {self.loss:g} % is allowed")
        fastest = min(each.fastest for each in timings.timings if (each.model, each.engine) == ("after", "onnx"))
        if self.milliseconds is not None and fastest > self.milliseconds:
            parts.append(f"a tile takes {fastest:.1f} ms with ONNX Runtime, the target is {self.milliseconds:g} ms")
        if self.megabytes is not None and size > self.megabytes * 1e6:
            parts.append(f"the file has {size / 1e6:.1f} MB, the target is {self.megabytes:g} MB")
        return "; ".join(parts)


@dataclass(frozen=True)
class ShrinkDone:
    """The result of all steps."""

    parent: ModelFile
    model: ModelFile
    found: Shrunk
    timings: Bench
    tiles: Sequence[Pixels]
    """Raw pixels 1,C,H,W that were not calibrated on."""
    missed: str

    def page(self) -> str:
        """The page about it as HTML."""
        costs = cost_of(self.parent), cost_of(self.model)
        shown = differing(self.parent, self.model, self.tiles)
        rows = [
            picture_row(f"agreement {each.agreement:.4f}", each.image, each.task, (each.before, each.after),
                        each.changed)
            for each in shown
        ]  # fmt: skip
        card = self.model.card
        facts = [("model", card.name), ("parent", card.origin.recipe), ("how", card.origin.chosen)]
        facts += [("missed", self.missed)] if self.missed else []
        tables = [_gate_table(self.found), *_score_tables(self.found), _cost_table(*costs), _speed_table(self.timings)]
        return shrink_page(f"{card.name}, from {self.parent.card.name}", facts, tables, rows, card.tasks[0])


class ShrinkWork:
    """One model on its way."""

    def __init__(
        self, model: str, out: Path, folder: Path, show: Show | None, tile: int | None, *, only_weights: bool
    ) -> None:
        """`folder` is for files that nobody needs later; raises the errors of `shrink` about the model."""
        self._only_weights = only_weights
        self._out, self._folder, self._say = out, folder, say_to(out.name, show)
        self._parent = _parent(model, folder, show)
        self._card = _with_tile(self._parent.card, tile).model_copy(update={"name": out.stem})

    def run(self, images: Sequence[str], data: Sequence[Path], targets: Targets) -> ShrinkDone:
        """All steps; raises the errors of `shrink` about images and labels."""
        tiles, described = self._tiles(images)
        used, held_out = tiles[::2], tiles[1::2]
        judge: Judge = (
            Labelled(self._parent, partial(self._scores, data)) if data else Agreement(self._parent, held_out)
        )
        search = Search(self._parent, self._card, judge, targets.loss, self._say)
        found = search.packed() if self._only_weights else search.run(used)
        card = card_of(self._parent, found, f"{len(used)} tiles of {described}", targets.loss)
        content, digest = sealed(found.model.content, self._out, card)
        timings = self._timed(content)
        missed = targets.missed(found, timings, len(content))
        return ShrinkDone(self._parent, ModelFile(self._out, content, card, digest), found, timings, held_out, missed)

    def _tiles(self, images: Sequence[str]) -> tuple[list[Pixels], str]:
        """Tiles 1,C,H,W of given or drawn images, and a description of these."""
        if not images:
            return drawn_tiles(self._card, SEEDS), "drawn scenes"
        found = [tile for each in images for tile in calibration_tiles(each, self._card)]
        found = [found[int(at)] for at in np.linspace(0, len(found) - 1, min(len(found), MOST))]
        return found, ", ".join("/".join(Path(each).parts[-2:]) for each in images)

    def _scores(self, data: Sequence[Path], model: ModelFile) -> dict[str, Evaluation]:
        """The scores of a model on each folder of images with labels."""
        file = self._folder / "scored.onnx"
        file.write_bytes(model.content)
        return {str(folder): evaluate(file, folder) for folder in data}

    def _timed(self, content: bytes) -> Bench:
        """The speed of the parent and of the result with each installed engine."""
        self._say("measuring the speed of both")
        files = {"before": self._parent.content, "after": content}
        for name, each in files.items():
            (self._folder / f"{name}.onnx").write_bytes(each)
        found = bench([str(self._folder / f"{name}.onnx") for name in files], seconds=SECONDS)
        named = tuple(replace(each, model=Path(each.model).stem) for each in found.timings)
        return replace(found, timings=named, cards={Path(path).stem: card for path, card in found.cards.items()})


def _parent(model: str, folder: Path, show: Show | None) -> ModelFile:
    """The model as a file; that of a checkpoint is exported into the folder."""
    checkpoint = checkpoint_folder(model)
    file = find_model(model) if checkpoint is None else folder / "parent.onnx"
    if checkpoint is not None:
        export_checkpoint(checkpoint, file, say=say_to(model, show))
    found = verify(file)
    if found.card.tasks[0].kind == "score":
        raise ModelError(f"{model}: ranks photos; only models of pixels or images are made smaller", value=model)
    return found


def _with_tile(card: Card, tile: int | None) -> Card:
    side = card.tile if tile is None else tile
    if side % card.stride or side <= card.overlap:
        text = f"tile is {side}; {card.name} takes multiples of {card.stride} pixels above {card.overlap}"
        raise OptionError(text, value=tile)
    return card.model_copy(update={"tile": side})


def _gate_table(found: Shrunk) -> PageTable:
    heads = ("data", "task", "measure", "before", "after", "loss, %")
    rows = [
        (row.data, row.task, row.measure, f"{row.before:.4f}", f"{row.after:.4f}", f"{row.loss:.2f}")
        for row in found.rows
    ]
    return PageTable("Accuracy", heads, rows)


def _score_tables(found: Shrunk) -> Iterator[PageTable]:
    """All scores of both models, with their protocol."""
    for row in found.rows:
        before = {score.name: f"{score.value:.4f}" for score in row.parent_scores}
        rows = [(score.name, before.get(score.name, "-"), f"{score.value:.4f}") for score in row.scores]
        yield PageTable(f"Scores on {row.data}", ("score", "before", "after"), rows, row.scores[0].protocol)


def _cost_table(before: Cost, after: Cost) -> PageTable:
    heads = ("", "parameters", "multiply-adds per pixel", "file, MB")
    rows = [
        (name, f"{cost.parameters:,}", f"{cost.multiply_adds:,.0f}", f"{cost.size / 1e6:.1f}")
        for name, cost in (("before", before), ("after", after))
    ]
    return PageTable("Size", heads, rows)


def _speed_table(timings: Bench) -> PageTable:
    note = f"{timings.machine}, {timings.date}; ms per tile, MPix/s of tiles"
    return PageTable("Speed and memory", HEADS, [each.cells() for each in timings.timings], note)
