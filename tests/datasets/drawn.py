"""Tiny files laid out as the datasets are downloaded: two images a split, every class in every label image."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
from PIL import Image
from scipy.io import savemat

from smalti.datasets.folder import fill
from smalti.datasets.nyuv2_file import NAME
from smalti.datasets.spec import DatasetSpec, SplitSpec
from smalti.raster.palette import parse_color

HEIGHT = 12
STRIPE = 3
"""Columns of one class."""


def small(dataset: DatasetSpec) -> DatasetSpec:
    """The same dataset with two images in each split."""
    return replace(dataset, splits={name: _small(split) for name, split in dataset.splits.items()}, chip=4)


def _small(split: SplitSpec) -> SplitSpec:
    return (
        replace(split, ids=split.ids[:2]) if split.ids else replace(split, count=2 * (len(homes(split)) or 1), but=())
    )


def homes(split: SplitSpec) -> tuple[str, ...]:
    """Its folders; of two names for one folder the first."""
    return split.folders if "/" in "".join(split.folders) else split.folders[:1]


def image_files(split: SplitSpec) -> list[str]:
    """Ids of the files of a small split; what its folders hold is invented."""
    return [*split.ids, *(f"{home}/{number}_1".lstrip("/") for home in homes(split) for number in (10, 11))]


def truth(dataset: DatasetSpec) -> np.ndarray:
    """Class ids (H, W): a stripe of each class, and one to be ignored where the labels can say so."""
    values = [*range(len(dataset.classes)), *([255] if ignored(dataset) is not None else [])]
    return np.repeat(np.array(values, np.uint8), STRIPE)[None].repeat(HEIGHT, 0)


def ignored(dataset: DatasetSpec):
    """The first value that stands for no class."""
    return next(
        (value for value, name in {**dataset.spec.colors, **dataset.spec.ids}.items() if name == "ignore"), None
    )


def painted(dataset: DatasetSpec, classes: np.ndarray) -> np.ndarray:
    """Class ids as the dataset writes them: colours (H, W, 3), or values (H, W)."""
    if dataset.spec.ids:
        by_name = {name: value for value, name in dataset.spec.ids.items()}
        table = np.full(256, ignored(dataset) or 0, np.uint8)
        table[: len(dataset.classes)] = [by_name[name] for name in dataset.classes]
        return table[classes]
    by_name = {name: parse_color(color) for color, name in reversed(dataset.spec.colors.items())}
    table = np.zeros((256, 3), np.uint8)
    table[255] = parse_color(ignored(dataset))
    table[: len(dataset.classes)] = [by_name[name] for name in dataset.classes]
    return table[classes]


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def lay_out(dataset: DatasetSpec, root: Path) -> None:
    """Writes all files of a small dataset, its eroded labels, heights and depths too."""
    if dataset.store:
        return lay_out_file(dataset, root)
    labels = painted(dataset, truth(dataset))
    height, width = labels.shape[:2]
    heights = [each.patterns for each in dataset.values.values()]
    for split in dataset.splits.values():
        for image in image_files(split):
            for bands, at in dataset.images.items():
                save(root / real(at[0], image), np.full((height, width, len(bands)), 90, np.uint8))
            for at in filter(None, (dataset.labels, dataset.eroded)) if split.labelled else ():
                save(root / real(at[0], image), labels)
            for at in heights:
                save(root / real(at[0], image), np.full((height, width), 7, np.uint8))
        if split.listed:
            (root / split.listed).parent.mkdir(parents=True, exist_ok=True)
            (root / split.listed).write_text("10_1_0\n10_1_1\n")


def lay_out_file(dataset: DatasetSpec, root: Path) -> None:
    """The one file of NYUv2, with a depth of 2 m and a raw one of 7 m, and what joins its names to classes."""
    numbers = painted(dataset, truth(dataset))
    names = np.array(
        [0, *(dataset.store.join.index(k) + 1 if dataset.store.join else k for k in range(1, len(dataset.classes) + 1))]
    )
    count = max(int(image) for split in dataset.splits.values() for image in split.ids)
    root.mkdir(parents=True, exist_ok=True)
    flat = np.broadcast_to(numbers.T, (count, *numbers.T.shape))  # N,W,H
    with h5py.File(root / NAME, "w") as file:
        file["images"] = np.full((count, 3, *numbers.T.shape), 90, np.uint8)
        file["labels"] = names[flat].astype(np.uint16)
        file["depths"] = np.full(flat.shape, 2, np.float32)
        file["rawDepths"] = np.full(flat.shape, 7, np.float32)
    savemat(root / "classMapping40.mat", {"mapClass": (np.arange(894) % 40 + 1)[None]})


def real(pattern: str, image: str) -> str:
    """A path that fits a pattern."""
    return fill(pattern, image).replace("*", "")
