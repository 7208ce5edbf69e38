"""Scenes of a public data set, read where it was unpacked."""

from smalti.card import Card
from smalti.data.scenes import FileScene, Opened
from smalti.data.truths import TruthFile
from smalti.known.items import Borders, Item
from smalti.known.opened import Opener


class KnownScene(FileScene):
    """An image of a data set; chips of one file are scenes of their own."""

    def __init__(self, item: Item, opener: Opener, borders: Borders, card: Card) -> None:
        self._item, self._opener, self._borders = item, opener, borders
        super().__init__(item.image, (TruthFile(opener.task, item.truth(borders), opener.spec),), card)
        self.name, self.path = item.id, item.place

    def _open(self) -> Opened:
        image = self._opener.image(self._item)
        labels = self._opener.labels(self._item, image.grid, self._borders)
        return Opened(image, {self._opener.task.name: labels})
