"""The same predictions scored by every protocol in the literature: why published numbers differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from smalti.arrays import ClassMap, Floats, Pixels
from smalti.averaged import PASSES, Averaged, one_by_one
from smalti.card import Card, Task
from smalti.datasets.index import Borders
from smalti.evaluation.pairs import Pair, TruthReader
from smalti.label_sets import set_ids
from smalti.metrics import Confusion, Scores, mean_defined, merged
from smalti.raster.eroded import Eroded
from smalti.raster.grid import Grid
from smalti.scene import Predictor
from smalti.tiling import Window

RADIUS = 3
"""Pixels around a border that eroded labels leave out: the ISPRS contests' disc."""
Key = tuple[bool, Borders]
"""With test-time augmentation or without; which labels."""


@dataclass(frozen=True)
class ProtocolScores:
    """One way to score, in words, and its scores."""

    labels: str
    classes: str
    pooling: str
    passes: str
    miou: float
    mf1: float
    oa: float

    @property
    def protocol(self) -> str:
        """The way in one line."""
        return "; ".join((self.labels, self.classes, self.pooling, self.passes))


@dataclass
class ProtocolTally:
    """The counts of every image by passes and labels; all variants come from these."""

    task: Task
    images: dict[Key, list[Confusion]] = field(default_factory=dict)
    given: set[bool] = field(default_factory=set)
    """Whether eroded labels came with the dataset (True) or were computed (False)."""

    def finish(self, counts: dict[Key, Confusion]) -> None:
        """Adds the counts of one image."""
        for key, confusion in counts.items():
            self.images.setdefault(key, []).append(confusion)

    def add(self, other: "ProtocolTally") -> None:
        """Adds the counts of further images."""
        for key, counts in other.images.items():
            self.images.setdefault(key, []).extend(counts)
        self.given |= other.given

    def variants(self, left_out: Sequence[str]) -> tuple[ProtocolScores, ...]:
        """All variants; each of the classes `left_out` may be excluded from the means, or ignored altogether."""
        keys = sorted(self.images, key=lambda key: (key[0], key[1] == "eroded"))
        return tuple(variant for key in keys for variant in self._of(key, tuple(left_out)))

    def _of(self, key: Key, left_out: tuple[str, ...]) -> Iterator[ProtocolScores]:
        averaged, borders = key
        passes = PASSES if averaged else "one pass"
        ways: list[tuple[str, tuple[str, ...], bool]] = [("all classes", (), False)]
        if left_out:
            ways += [(f"means without {', '.join(left_out)}", left_out, False)]
            ways += [(f"{', '.join(left_out)} ignored: in pixels and means", left_out, True)]
        for words, out, ignored in ways:
            each = [self._scores(counts, out, ignored) for counts in self.images[key]]
            whole = self._scores(merged(self.images[key]), out, ignored)
            for pooling, found in (("one matrix of all images", [whole]), ("mean over images", each)):
                means = [mean_defined([getattr(scores, name) for scores in found]) for name in ("miou", "mf1", "oa")]
                yield ProtocolScores(self._labels(borders), words, pooling, passes, *means)

    def _labels(self, borders: Borders) -> str:
        if borders == "full":
            return "full labels"
        computed = f"borders removed by a disc of {RADIUS} px"
        how = {True: "as the dataset gives them", False: computed}
        return f"eroded labels, {' or '.join(how[given] for given in sorted(self.given))}"

    def _scores(self, counts: Confusion, out: tuple[str, ...], ignored: bool) -> Scores:
        if ignored:
            kept = Confusion(counts.classes)
            kept.counts = counts.counts.copy()
            kept.counts[[self.task.labels.index(name) for name in out]] = 0
            kept.allowing = counts.allowing
            counts = kept
        return counts.scores(self.task.labels, out)


class ImageProtocols:
    """Counts one image against both kinds of labels, whole strips at a time."""

    def __init__(self, pair: Pair, grid: Grid, tally: ProtocolTally) -> None:
        self._tally, self._sets = tally, set_ids(pair.labelled(tally.task))
        self._own: Borders = "eroded" if pair.eroded else "full"
        self._other: Borders = "full" if pair.eroded else "eroded"
        self._others = self._open_others(pair, grid)
        self._counts: dict[Key, Confusion] = {}

    def _open_others(self, pair: Pair, grid: Grid) -> TruthReader | None:
        """Labels of the other kind; full ones cannot be computed from eroded ones."""
        if pair.open_others is not None or pair.eroded:
            self._tally.given.add(True)
            return pair.open_others(grid) if pair.open_others else None
        self._tally.given.add(False)
        return Eroded(pair.truth[self._tally.task.name](grid), self._tally.task.ignore, RADIUS)

    def add(self, window: Window, truth: ClassMap, predictions: dict[bool, ClassMap]) -> None:
        """The next rows: the pair's own labels, and the maps (H, W) with and without test-time augmentation."""
        truths = {self._own: truth}
        if self._others is not None:
            truths[self._other] = self._others.read(window)
        for averaged, prediction in predictions.items():
            for borders, labels in truths.items():
                counts = self._counts.setdefault((averaged, borders), Confusion(len(self._tally.task.labels)))
                counts.add(labels, prediction, self._tally.task.ignore, self._sets)

    def close(self) -> None:
        """Ends the image: adds its counts to the dataset's."""
        if self._others is not None:
            self._others.close()
        self._tally.finish(self._counts)


def name_of_plain(task: Task) -> str:
    """The name of the prediction without averaging by `AveragedAndPlain`."""
    return f"{task.name} without averaging"


class AveragedAndPlain:
    """A predictor's mean over flips and turns, and the prediction of one task without averaging."""

    def __init__(self, predict: Predictor, task: Task) -> None:
        self._predict = predict
        self._task = task.name
        self._plain = name_of_plain(task)
        self.further = {self._plain: task.channels}
        """See `scene.Further`."""

    @property
    def card(self) -> Card:
        """The card of the predictor inside."""
        return self._predict.card

    def __call__(self, batch: Pixels) -> dict[str, Floats]:
        """Raw pixels (N, C, H, W) -> one prediction (N, K, H, W) per task, the plain one last."""
        return one_by_one(self._both, batch)

    def _both(self, image: Pixels) -> dict[str, Floats]:
        first = _First(self._predict)
        averaged = Averaged(first)(image)  # predicts the unchanged picture first
        return averaged | {self._plain: first.first[self._task]}


class _First:
    """Forwards calls, and keeps the first prediction."""

    def __init__(self, predict: Predictor) -> None:
        self._predict = predict
        self.first: dict[str, Floats] = {}

    @property
    def card(self) -> Card:
        return self._predict.card

    def __call__(self, batch: Pixels) -> dict[str, Floats]:
        found = self._predict(batch)
        self.first = self.first or found
        return found
