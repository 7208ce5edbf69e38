"""What labels cannot be trained on is told before the first step, for every kind of training."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyogrio.raw
import pytest
import rasterio
import shapely
from affine import Affine
from PIL import Image

from smalti.errors import DataError, InputError, LabelError, RecipeError
from smalti.training.loop import begin
from smalti.training.recipe import open_work, read_recipe
from smalti.training.work import Work
from tests.tiny import write_classes
from tests.training.tiny import write_tiny

WRONG = "where it is predicted, it counts with an IoU of 0 in the score that chooses the checkpoint"
MULTITASK = """
[[card.tasks]]
kind = "classes"
name = "cover"
labels = ["dark", "bright"]
[net]
encoder = "resnet18"
width = 0.125
"""


@pytest.fixture(params=["segmentation", "multitask"])
def recipe(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A recipe of each kind that learns classes of pixels."""
    path = write_tiny(tmp_path)
    if request.param == "multitask":
        text = path.read_text().replace('[[card.tasks]]\nlabels = ["dark", "bright"]\n[net]\nwidth = 0.25\n', MULTITASK)
        path.write_text('kind = "multitask"\n' + text)
    return path


def opened(path: Path, *changes: str) -> Work:
    recipe = read_recipe(path, changes)
    return open_work(recipe, recipe.make_card(path.name))


def masks(folder: Path, part: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    for path in sorted((folder / part / "masks").iterdir()):
        with Image.open(path) as file:
            mask = np.asarray(file)
        Image.fromarray(change(mask).astype(np.uint8)).save(path)


def test_sound_labels_are_no_news(recipe: Path) -> None:
    assert opened(recipe).warnings() == []


def test_masks_of_0_and_255_leave_a_class_without_a_pixel(recipe: Path, tmp_path: Path) -> None:
    masks(tmp_path, "train", lambda mask: mask * 255)
    with pytest.raises(
        DataError, match=r"^data\.train: no pixel is bright, and \d+% of the pixels are ignored"
    ) as error:
        opened(recipe)
    assert "labels.ids" in str(error.value) and 'data.absent = ["bright"]' in str(error.value)
    assert "\n" not in str(error.value)


def test_the_recipe_may_say_that_a_class_is_absent(recipe: Path, tmp_path: Path) -> None:
    masks(tmp_path, "train", lambda mask: mask * 0)
    told = opened(recipe, 'data.absent=["bright"]').warnings()
    assert told == ["no training image has a pixel of bright: it is not learned"]
    assert opened(recipe, 'data.absent=["*"]').warnings() == told
    with pytest.raises(RecipeError, match=r"^data\.absent: 'brigth' is not a class; the classes are dark, bright"):
        opened(recipe, 'data.absent=["brigth"]')


def test_a_class_that_only_the_validation_lacks_is_told(recipe: Path, tmp_path: Path) -> None:
    masks(tmp_path, "validation", lambda mask: mask * 0 + 1)
    told = opened(recipe).warnings()
    assert told == ["no validation image has a pixel of dark: " + WRONG]


@pytest.mark.parametrize("part", ["train", "validation"])
def test_a_part_that_says_nothing_is_refused(recipe: Path, tmp_path: Path, part: str) -> None:
    masks(tmp_path, part, lambda mask: mask * 0 + 255)
    with pytest.raises(DataError, match="no pixel has a label"):
        opened(recipe)


def vectors(folder: Path, part: str, left: int) -> Path:
    """One file of features, in pixels, instead of the masks: a square of `bright` that begins at that column."""
    shutil.rmtree(folder / part / "masks")
    (folder / part / "labels").mkdir()
    path = folder / part / "labels" / "all.fgb"
    shape = shapely.to_wkb(np.array([shapely.box(left, 5, left + 20, 25)]))
    with pytest.warns(UserWarning, match="'crs' was not provided"):
        pyogrio.raw.write(path, shape, [np.array(["bright"], object)], ["class"], geometry_type="Polygon", crs=None)
    return path


def test_class_names_in_the_files_that_differ_from_the_recipe_are_told(recipe: Path, tmp_path: Path) -> None:
    for path in sorted((tmp_path / "train" / "masks").iterdir()):
        with Image.open(path) as file:
            mask = np.asarray(file)
        path.unlink()
        write_classes(path.with_suffix(".tif"), mask, "Dark", "snow")
    (told,) = opened(recipe).warnings()
    assert told.startswith("data.train: ") and "1 is 'snow' in the file and read as 'bright'" in told
    assert opened(recipe, "data.train.0.labels.ids={0='dark',1='bright'}").warnings() == []


def test_features_that_lie_on_no_image_are_told(recipe: Path, tmp_path: Path) -> None:
    path = vectors(tmp_path, "validation", 500)
    dark = "data.validation.0.labels.background='dark'"
    told = opened(recipe, dark).warnings()
    assert told[0].startswith(f"data.validation: {path}: no feature lies on an image; check the CRS")
    shutil.rmtree(path.parent)
    (tmp_path / "validation" / "masks").mkdir()
    vectors(tmp_path, "validation", 10)
    assert opened(recipe, dark).warnings() == []
    path = vectors(tmp_path, "train", 500)
    with pytest.raises(DataError, match=rf"no pixel is bright; .*; data\.train: {path}: no feature lies on an image"):
        opened(recipe, dark, dark.replace("validation", "train"))


@pytest.mark.parametrize("part", ["train", "validation"])
def test_one_wrong_pixel_is_found_wherever_it_is(recipe: Path, tmp_path: Path, part: str) -> None:
    def spoil(mask: np.ndarray) -> np.ndarray:
        mask = mask.copy()
        mask[-1, -1] = 7
        return mask

    masks(tmp_path, part, spoil)
    with pytest.raises(LabelError, match="unknown class value 7 in 1 pixel, first at row 39, column 47"):
        opened(recipe)


def test_one_wrong_pixel_of_a_test_is_found_too(recipe: Path, tmp_path: Path) -> None:
    write_tiny(tmp_path / "other", seed=1)
    masks(tmp_path / "other", "validation", lambda mask: mask * 0 + 7)
    with pytest.raises(LabelError, match="unknown class value 7"):
        opened(recipe, 'data.test=[{kind="folder",path=["other/validation"]}]')


@pytest.mark.parametrize("part", ["train", "validation"])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_pixels_of_another_type_are_refused_as_a_map_refuses_them(
    recipe: Path, tmp_path: Path, part: str, dtype: type
) -> None:
    image = tmp_path / part / "images" / "0.png"
    with Image.open(image) as file:
        pixels = np.asarray(file).transpose(2, 0, 1).astype(dtype)
    image.unlink()
    with rasterio.open(
        image.with_suffix(".tif"),
        "w",
        driver="GTiff",
        count=3,
        height=40,
        width=48,
        dtype=np.dtype(dtype).name,
        transform=Affine.scale(2),
    ) as file:
        file.write(pixels)
    with pytest.raises(InputError, match=rf"0\.tif: its pixels are {np.dtype(dtype)}, the recipe's card says uint8"):
        opened(recipe)


def test_of_many_classes_a_few_are_named(recipe: Path) -> None:
    many = ["dark", "bright", *(f"class {number}" for number in range(9))]
    with pytest.raises(
        DataError, match=r'no pixel is class 0 or .* or class 4 or 4 others; .* data\.absent = \["\*"\]'
    ):
        opened(recipe, f"card.tasks.0.labels={many}")


HEIGHTS = """
[[card.tasks]]
kind = "classes"
name = "cover"
labels = ["dark", "bright"]
[[card.tasks]]
kind = "value"
name = "height"
quantity = "height"
unit = "m"
[net]
encoder = "resnet18"
width = 0.125
"""


@pytest.fixture
def heights(tmp_path: Path) -> Path:
    """A recipe of classes and heights; the training has two sources, each with heights of its own."""
    path = write_tiny(tmp_path)
    shutil.copytree(tmp_path / "train", tmp_path / "more")
    for image in (tmp_path / "more" / "images").iterdir():  # others, that are no copies
        with Image.open(image) as file:
            Image.fromarray(255 - np.asarray(file)).save(image)
    for part in ("train", "more", "validation"):
        write_heights(tmp_path / part, np.float32(3))
    text = path.read_text().replace('[[card.tasks]]\nlabels = ["dark", "bright"]\n[net]\nwidth = 0.25\n', HEIGHTS)
    text = text.replace('path = ["validation"]\n', 'path = ["validation"]\nalso.height = {name = "height"}\n')
    both = "".join(f'path = ["{part}"]\nalso.height = {{name = "height"}}\n' for part in ("train", "more"))
    both = both.replace('path = ["more"]', '[[data.train]]\nkind = "folder"\npath = ["more"]')
    path.write_text('kind = "multitask"\n' + text.replace('path = ["train"]\n', both))
    return path


def write_heights(part: Path, value: np.float32) -> None:
    (part / "height").mkdir(exist_ok=True)
    for mask in (part / "masks").iterdir():
        Image.fromarray(np.full((40, 48), value)).save(part / "height" / f"{mask.stem}.tif")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_source_without_a_value_of_a_task_is_told(heights: Path, tmp_path: Path) -> None:
    assert opened(heights).warnings() == []
    write_heights(tmp_path / "more", np.float32(np.nan))
    assert opened(heights).warnings() == ["data.train.1: no pixel of 0.png and 2 more has a label of height"]
    write_heights(tmp_path / "train", np.float32(np.nan))
    with pytest.raises(DataError, match=r"data\.train: no source has a label of height"):
        opened(heights)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_values_that_are_0_everywhere_are_told(heights: Path, tmp_path: Path) -> None:
    write_heights(tmp_path / "train", np.float32(0))
    assert opened(heights).warnings() == []
    write_heights(tmp_path / "more", np.float32(0))
    (told,) = opened(heights).warnings()
    assert told.startswith("data.train: every value of height is 0; check the files")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_scores_that_validation_labels_cannot_define_are_refused_before_the_first_step(
    heights: Path, tmp_path: Path
) -> None:
    changes = ('train.select="height/delta1"',)
    write_heights(tmp_path / "validation", np.float32(1))
    assert opened(heights).undefined == {}
    write_heights(tmp_path / "validation", np.float32(0.99))
    assert opened(heights).undefined == {"height/delta1": "no value of height is at least 1 m"}
    recipe = read_recipe(heights, changes)
    with pytest.raises(
        RecipeError, match=r"^train\.select: height/delta1 is undefined for the validation data: no"
    ) as error:
        begin(recipe, recipe.make_card("tiny"), tmp_path / "run")
    assert str(error.value).endswith(
        "is at least 1 m; add such data, or set train.select to "
        "mean or cover/miou or cover/mf1 or cover/oa or height/neg_rmse"
    )
