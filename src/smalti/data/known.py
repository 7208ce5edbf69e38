"""Scenes of a public data set, read where it was unpacked."""

from collections.abc import Sequence
from dataclasses import dataclass

from smalti.card import Card, Task
from smalti.data.scenes import FileScene, Opened
from smalti.data.truths import TruthFile, TruthReader
from smalti.known.items import Borders, Item
from smalti.known.opened import Opener
from smalti.raster.grid import Grid
from smalti.raster.values import DEFAULT, ValueSpec


@dataclass(frozen=True)
class Taken:
    """What a task takes of a data set: its classes, or values of some name."""

    task: Task
    name: str = ""
    """Of the values; empty for classes."""
    values: ValueSpec = DEFAULT

    def open(self, opener: Opener, item: Item, borders: Borders, grid: Grid) -> TruthReader:
        """That of one image, on the image's grid."""
        if not self.name:
            return opener.labels(item, grid, borders)
        return opener.values(item, grid, self.name, self.task, self.values)

    def file(self, opener: Opener, item: Item, borders: Borders) -> TruthFile:
        """Where that of one image lies."""
        if not self.name:
            return TruthFile(self.task, item.truth(borders), opener.spec)
        return TruthFile(self.task, item.values[self.name], self.values)


class KnownScene(FileScene):
    """An image of a data set; chips of one file are scenes of their own."""

    def __init__(self, item: Item, opener: Opener, borders: Borders, card: Card, taken: Sequence[Taken]) -> None:
        self._item, self._opener, self._borders, self._taken = item, opener, borders, taken
        super().__init__(item.image, [each.file(opener, item, borders) for each in taken], card)
        self.name, self.path = item.id, item.place

    def _open(self) -> Opened:
        image = self._opener.image(self._item)
        truths = {t.task.name: t.open(self._opener, self._item, self._borders, image.grid) for t in self._taken}
        return Opened(image, truths)
