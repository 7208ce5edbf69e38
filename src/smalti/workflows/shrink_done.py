"""The result of making a model smaller: what it missed, and the page about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from smalti.arrays import Pixels
from smalti.deploy.shrink.cost import Cost, cost_of
from smalti.deploy.shrink.pictures import differing
from smalti.deploy.shrink.search import Shrunk
from smalti.report.shrink_page import PageTable, picture_row, shrink_page
from smalti.runtime.models import ModelFile
from smalti.workflows.bench import HEADS, Bench
from smalti.workflows.shrink_round import HEADS as ROUND_HEADS
from smalti.workflows.shrink_round import ShrinkRound


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
        fastest = fastest_tile(timings)
        if self.milliseconds is not None and fastest > self.milliseconds:
            parts.append(f"a tile takes {fastest:.1f} ms with ONNX Runtime, the target is {self.milliseconds:g} ms")
        if self.megabytes is not None and size > self.megabytes * 1e6:
            parts.append(f"the file has {size / 1e6:.1f} MB, the target is {self.megabytes:g} MB")
        return "; ".join(parts)

    def distance(self, timings: Bench, size: int) -> float:
        """How many times as fast or as small it has to become for its targets of these; at most 1 if it has both."""
        return max(self._speed(timings), self._size(size))

    def by_size(self, timings: Bench, size: int) -> bool:
        """Whether the size is further from its target than the time."""
        return self._size(size) > self._speed(timings)

    def _speed(self, timings: Bench) -> float:
        return fastest_tile(timings) / self.milliseconds if self.milliseconds else 0.0

    def _size(self, size: int) -> float:
        return size / 1e6 / self.megabytes if self.megabytes else 0.0


def fastest_tile(timings: Bench) -> float:
    """Milliseconds of the result's fastest tile with ONNX Runtime."""
    return min(each.fastest for each in timings.timings if (each.model, each.engine) == ("after", "onnx"))


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
    rounds: Sequence[ShrinkRound] = ()
    """All rounds, of which this is one."""
    checkpoint: Path | None = None
    """Its net in float, of a round of training."""

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
        tables = [_gate_table(self.found), *_rounds_table(self.rounds), *_score_tables(self.found), _cost_table(*costs)]
        tables.append(_speed_table(self.timings))
        return shrink_page(f"{card.name}, from {self.parent.card.name}", facts, tables, rows, card.tasks[0])


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


def _rounds_table(rounds: Sequence[ShrinkRound]) -> Iterator[PageTable]:
    """What each round reached, if there were any."""
    if rounds:
        note = (
            "Round 0 is 8-bit integers alone. Channels are those of all layers, ms those of a tile with ONNX Runtime."
        )
        yield PageTable("Rounds", ROUND_HEADS, [each.cells() for each in rounds], note)


def _cost_table(before: Cost, after: Cost) -> PageTable:
    heads = ("", "channels", "parameters", "multiply-adds per pixel", "file, MB")
    rows = [
        (name, f"{cost.channels:,}", f"{cost.parameters:,}", f"{cost.multiply_adds:,.0f}", f"{cost.size / 1e6:.1f}")
        for name, cost in (("before", before), ("after", after))
    ]
    return PageTable("Size", heads, rows)


def _speed_table(timings: Bench) -> PageTable:
    note = f"{timings.machine}, {timings.date}; ms per tile, MPix/s of tiles"
    return PageTable("Speed and memory", HEADS, [each.cells() for each in timings.timings], note)
