"""Real crops, laid out as the datasets are downloaded."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smalti.datasets.check import check_contents, check_files
from smalti.datasets.index import find_items
from smalti.datasets.registry import DATASETS
from smalti.datasets.spec import DatasetSpec
from tests.datasets.drawn import image_files, painted, real, small

CROPS = "isprs-loveda-crops/pseudo_{}_dataset/{}_dir/{}.png"


def test_dubai_lies_there_as_downloaded(shared_data):
    dataset, root = DATASETS["dubai"], shared_data / "dubai"
    for split, pixels in (("train", 45), ("validation", 9), ("test", 9)):
        assert len(find_items(dataset, root, split).items) == pixels
    contents = check_contents(dataset, check_files(dataset, root, "validation"))
    assert not contents.problems
    shares = contents.pixels["validation"] / contents.pixels["validation"].sum()
    assert (shares[:5] > 0.001).all() and shares[5] < 0.05


def lay_real(dataset: DatasetSpec, root: Path, image: np.ndarray, labels: np.ndarray, suffix: str = "") -> None:
    """One image under all names of a dataset; pixels and labels (H, W, 3) or (H, W) as it stores them."""
    (root / "one").mkdir(parents=True)
    Image.fromarray(image).save(root / "one" / f"image{suffix}")
    Image.fromarray(labels).save(root / "one" / f"labels{suffix}")
    for split in dataset.splits.values():
        for name in image_files(split) if split.labelled else ():
            for pattern, source in ((next(iter(dataset.images.values()))[0], "image"), (dataset.labels[0], "labels")):
                path = root / "set" / real(pattern, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.exists():
                    path.symlink_to(root / "one" / f"{source}{suffix}")


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.mark.parametrize(
    ("name", "crop", "suffix"),
    [("vaihingen", "area1_0_0_512_512", ".tif"), ("potsdam", "2_10_0_0_512_512", ".tif"), ("loveda", "0", ".png")],
)
def test_crops_give_the_classes_they_are_published_with(shared_data, tmp_path, name, crop, suffix):
    dataset = small(DATASETS[name])
    image = read(shared_data / CROPS.format(name, "img", crop))
    published = read(shared_data / CROPS.format(name, "ann", crop))  # 0 is ignored, classes count from 1
    classes = np.where(published == 0, 255, published - 1).astype(np.uint8)
    lay_real(dataset, tmp_path, image, painted(dataset, classes), suffix)
    files = check_files(dataset, tmp_path / "set")
    assert not files.missing
    contents = check_contents(dataset, files)
    assert not contents.problems
    wanted = np.bincount(published.ravel(), minlength=len(dataset.classes) + 1)
    images = len(files.searches["train"].items)
    assert contents.pixels["train"].tolist() == [*(images * wanted[1:]), images * wanted[0]]


def test_nyu_labels_keep_their_forty_classes(shared_data, tmp_path):
    dataset = small(DATASETS["nyuv2"])
    folder = shared_data / "nyuv2" / "ExpNYUD_joint"
    published = read(folder / "segm_gt_000464.png")  # counts from 0, 255 is ignored; the folders count from 1
    labels = np.where(published == 255, 0, published + 1).astype(np.uint8)
    lay_real(dataset, tmp_path, read(folder / "000464.png"), labels, ".png")
    contents = check_contents(dataset, check_files(dataset, tmp_path / "set"))
    wanted = np.bincount(published.ravel(), minlength=256)
    assert contents.pixels["train"].tolist() == [*(2 * wanted[:40]), 2 * wanted[255]]
    assert set(np.flatnonzero(wanted[:40])) == {0, 1, 5, 6, 10, 17, 34, 38, 39}
