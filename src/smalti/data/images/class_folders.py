"""The layout of ImageNet: one folder of images per class."""

from pathlib import Path

from smalti.data.images.listing import ENDINGS, Listing, folders_below, images_below
from smalti.errors import DataError


def read_class_folders(folder: Path, column: str) -> Listing:
    """The images of FOLDER/CLASS/*.jpg; `column` is the task whose classes the folders are named after.

    DataError if there are no class folders, or one of them has no image.
    """
    files: list[str] = []
    classes: list[str] = []
    for name in class_names(folder):
        images = images_below(folder / name)
        if not images:
            raise DataError(f"{folder / name}: no image of this class (*{', *'.join(ENDINGS)}); fill or remove it")
        files += [f"{name}/{image}" for image in images]
        classes += [name] * len(images)
    return Listing(folder, files, {column: classes}, [])


def class_names(folder: Path) -> list[str]:
    """The names of the class folders; DataError if there are none."""
    names = folders_below(folder)
    if not names:
        raise DataError(f"{folder}: has no class folders; expected {folder}/CLASS/IMAGE.jpg")
    return names
