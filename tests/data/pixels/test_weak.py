"""Labels made by rules on near infrared and heights."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image

from smalti.card import Card, Task
from smalti.data.pixels.scored import scored_pairs
from smalti.data.pixels.sources import FolderSource, ScenesSource, open_source
from smalti.data.pixels.weak import WeakSpec
from smalti.errors import DataError, LabelError
from smalti.label_sets import set_ids, with_sets
from smalti.tiling import Window

TASK = Task(name="cover", labels=("land", "water", "building", "vegetation"))
NOT_GREEN = ["land", "water", "building"]
NDVI = {"threshold": 0.2, "unsure": 0.1, "above": "vegetation", "below": NOT_GREEN}
RED = np.array([[50, 50, 50, 0, 5]], np.uint8)
NIR = np.array([[150, 75, 40, 0, 12]], np.uint8)  # NDVI .5, .2, -.1, unknown, .4 in the dark
HEIGHT = np.array([[9.0, 9.0, 9.0, 0.2, -9999]], np.float32)
WHOLE = Window(0, 0, 1, 5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pixels = np.stack([RED, np.full_like(RED, 60), np.full_like(RED, 70)], 2)
    for kind, array in (("images", pixels), ("nir", NIR), ("masks", np.array([[1, 1, 0, 0, 255]], np.uint8))):
        (tmp_path / kind).mkdir()
        Image.fromarray(array).save(tmp_path / kind / "a.png")
    (tmp_path / "ndsm").mkdir()
    profile = {"driver": "GTiff", "width": 5, "height": 1, "count": 1, "dtype": "float32", "nodata": -9999}
    profile["transform"] = Affine(2, 0, 0, 0, -2, 0)
    with rasterio.open(tmp_path / "ndsm" / "a.tif", "w", **profile) as file:
        file.write(HEIGHT[None])
    return tmp_path


def card(**changes: object) -> Card:
    return Card.model_validate({"name": "t", "net": "ued", "tasks": (TASK,), **changes})


def labels(folder: Path, weak: dict[str, object], **settings: object) -> list[str]:
    """What each pixel of the image allows, in words."""
    source = FolderSource.model_validate({"path": ["."], "weak": weak, **settings})
    task = with_sets(TASK, source.sets([TASK], "")["cover"])
    [scene] = open_source(source, folder, card(), [task])
    said = {k: (k,) for k in range(4)} | set_ids(task) | {255: ()}
    beyond = scene.read(Window(-1, -1, 3, 7)).targets["cover"]
    assert np.array_equal(beyond[1:-1, 1:-1], scene.read(WHOLE).targets["cover"])
    assert (beyond[0] == 255).all()
    return [" ".join(TASK.labels[k] for k in said[int(i)]) for i in scene.read(WHOLE).targets["cover"][0]]


def test_ndvi_has_a_band_where_it_says_nothing(folder: Path) -> None:
    not_green = " ".join(NOT_GREEN)
    assert labels(folder, {"nir": "nir", "ndvi": NDVI}) == ["vegetation", "", not_green, "", "vegetation"]
    assert labels(folder, {"nir": "nir", "ndvi": NDVI, "dark": 20})[4] == ""


def test_ndwi_and_heights(folder: Path) -> None:
    ndwi = {"nir": "nir", "ndwi": {"threshold": 0.1, "above": "water"}}  # (60 - nir) / (60 + nir)
    assert labels(folder, ndwi) == ["", "", "water", "water", "water"]
    tall = {"heights": "ndsm", "ndsm": {"threshold": 2.5, "above": ["building", "vegetation"], "below": "ignore"}}
    assert labels(folder, tall) == ["building vegetation"] * 3 + ["", ""]


def test_rules_apply_together(folder: Path) -> None:
    both = {"nir": "nir", "ndvi": NDVI, "heights": "ndsm",
            "ndsm": {"threshold": 2.5, "above": ["building", "vegetation"], "below": ["land", "water"]}}  # fmt: skip
    assert labels(folder, both) == ["vegetation", "building vegetation", "building", "land water", "vegetation"]


def test_labels_of_people_apply_as_well_where_that_is_asked_for(folder: Path) -> None:
    stated = {"ids": {1: ["building", "vegetation"], 0: ["land", "water"]}}
    weak = {"nir": "nir", "ndvi": NDVI, "with_labels": True}
    found = labels(folder, weak, labels=stated)
    assert found == ["vegetation", "building vegetation", "land water", "land water", ""]
    with pytest.raises(ValueError, match=r"labels and weak both state the labels; with weak\.with_labels = true"):
        FolderSource.model_validate({"path": ["."], "weak": {"nir": "nir", "ndvi": NDVI}, "labels": stated})


def test_near_infrared_may_be_a_band_of_the_images(folder: Path) -> None:
    stack = np.concatenate([np.stack([RED, RED + 9, RED]), NIR[None]])
    profile = {"driver": "GTiff", "width": 5, "height": 1, "count": 4, "dtype": "uint8", "photometric": "minisblack"}
    with rasterio.open(folder / "four.tif", "w", transform=Affine(2, 0, 0, 0, -2, 0), **profile) as file:
        file.write(stack)
    source = ScenesSource.model_validate(
        {"kind": "scenes", "images": ["four.tif"], "bands": [1, 2, 3], "weak": {"nir": 4, "ndvi": NDVI}}
    )
    task = with_sets(TASK, source.sets([TASK], "")["cover"])
    [scene] = open_source(source, folder, card(), [task])
    assert scene.read(WHOLE).targets["cover"][0].tolist() == [3, 255, *set_ids(task), 255, 3]


def test_weak_labels_are_declared(folder: Path) -> None:
    source = FolderSource.model_validate({"path": ["."], "weak": {"nir": "nir", "ndvi": NDVI}})
    task = with_sets(TASK, source.sets([TASK], "")["cover"])
    [pair], _ = scored_pairs(source, folder, card(), [task])
    assert pair.weak == {"cover": "NDVI above 0.3 is vegetation, below 0.1 is not vegetation"}


def test_files_of_the_rules_count_as_those_of_the_labels(folder: Path) -> None:
    source = FolderSource.model_validate({"path": ["."], "weak": {"nir": "nir", "ndvi": NDVI}})
    [scene] = open_source(source, folder, card(), [with_sets(TASK, source.sets([TASK], "")["cover"])])
    assert [path.parent.name for path in scene.files] == ["images", "nir"]
    other = source.model_copy(update={"weak": source.weak.model_copy(update={"dark": 3.0})})  # type: ignore[union-attr]
    [changed] = open_source(other, folder, card(), scene.tasks)
    assert scene.stamp != changed.stamp


def test_what_rules_lack_is_told(folder: Path) -> None:
    weak = {"nir": "nir", "ndvi": NDVI}
    source = FolderSource.model_validate({"path": ["."], "weak": weak})
    with pytest.raises(DataError, match=r"weak\.ndvi needs the band red; the card has nir, green, blue"):
        open_source(source, folder, card(bands=("nir", "green", "blue")), [TASK])
    (folder / "nir" / "a.png").unlink()
    with pytest.raises(DataError, match=r"a\.png: has no file of the same name in .*nir; expected one of nir"):
        open_source(source, folder, card(), [TASK])
    wrong = WeakSpec.model_validate({"nir": "nir", "ndvi": {"threshold": 0.2, "above": "vegetatoin"}})
    with pytest.raises(LabelError, match=r"^data weak\.ndvi\.above: 'vegetatoin' is not a class; .*did you mean veg"):
        wrong.sets(TASK, (), "data weak.")


@pytest.mark.parametrize(
    ("weak", "message"),
    [
        ({"nir": "nir"}, "has no rule; give ndvi, ndwi or ndsm"),
        ({"ndvi": NDVI}, "ndvi and ndwi need nir: the number of a band, or a folder"),
        ({"ndsm": NDVI}, "ndsm needs heights: the folder of them"),
        ({"nir": 4, "ndvi": {"threshold": 0.2}}, "says nothing; give the classes above or below the threshold"),
    ],
)
def test_rules_that_cannot_be_are_told(weak: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WeakSpec.model_validate(weak)
