"""Images without labels, to learn from by pseudo-labels."""

from pathlib import Path

from pydantic import Field

from smalti.card import Card
from smalti.data.pixels.scenes import FileScene, Scene
from smalti.data.pixels.window_source import WindowSource, Wish, every_place
from smalti.errors import DataError
from smalti.evaluation.pairs import find_images


class UnlabelledSource(WindowSource):
    """Folders of images, and single images; labels beside them are not read."""

    path: tuple[str, ...] = Field(min_length=1)
    """Folders, searched recursively, and files of images."""
    bands: tuple[str | int, ...] = ()
    """The bands of its images for those of the card, by name or number; by default by their names in the file."""

    def open(self, root: Path, card: Card, wanted: Wish = every_place) -> list[Scene]:
        """Its images of wanted places as scenes without tasks; paths are relative to `root`.

        DataError where there is no image, and RasterError for one that cannot be used.
        """
        images = [image for path in self.path for image in _images(root / path)]
        chosen = self.of_places(root, ((image, image) for image in images), wanted)
        return [FileScene(image, (), card, self.bands) for image in chosen]


def _images(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.exists():
        raise DataError(f"{path}: no such file or folder; expected images to learn from without labels")
    return find_images(path)
