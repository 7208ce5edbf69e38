"""Scenes of a public dataset, read in place."""

from smalti.card import Card
from smalti.data.pixels.labels import TruthFile
from smalti.data.pixels.scenes import FileScene, Opened
from smalti.datasets.index import Borders, Item
from smalti.datasets.reader import Opener
from smalti.datasets.selection import Selection


class DatasetScene(FileScene):
    """An image of a dataset; each chip of a file is a separate scene."""

    def __init__(self, item: Item, opener: Opener, borders: Borders, card: Card) -> None:
        self._item, self._opener, self._borders = item, opener, borders
        super().__init__(item.image, [self._file(each) for each in opener.taken], card)
        self.name, self.path = item.id, item.place

    def _file(self, taken: Selection) -> TruthFile:
        """The file with the ground truth of a task."""
        if taken.name:
            return TruthFile(taken.task, self._item.values[taken.name], taken.values)
        return TruthFile(taken.task, self._item.truth(self._borders), self._opener.spec)

    def _open(self) -> Opened:
        image = self._opener.image(self._item)
        taken = self._opener.taken
        truths = {each.task.name: self._opener.truth(self._item, each, self._borders, image.grid) for each in taken}
        return Opened(image, truths)
