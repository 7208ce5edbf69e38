from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from smalti.card import Task
from smalti.errors import LabelError, RasterError
from smalti.raster.grid import Grid
from smalti.raster.values import ValueSpec, open_values
from smalti.tiling import Window

HEIGHT = Task(name="height", kind="value", unit="m", quantity="height", minimum=0.0)
DEPTH = Task(name="depth", kind="value", unit="m", quantity="depth")
GRID = Grid(2, 3, Affine(2, 0, 500000, 0, -2, 5000000), CRS.from_epsg(32633))
WHOLE = Window(0, 0, 2, 3)
NAN = np.nan


def write(path: Path, stored: np.ndarray, unit: str = "", scale: float = 1.0, offset: float = 0.0, **more: Any) -> Path:
    shape = {"height": stored.shape[-2], "width": stored.shape[-1], "count": 1 if stored.ndim == 2 else len(stored)}
    kind = {"driver": "GTiff", "dtype": stored.dtype, "crs": GRID.crs, "transform": GRID.transform}
    with rasterio.open(path, "w", **kind, **shape, **more) as file:
        file.write(stored if stored.ndim == 3 else stored[None])
        file.scales, file.offsets = (scale,) * file.count, (offset,) * file.count
        if unit:
            file.units = (unit,) * file.count
    return path


STORED = np.array([[0, 10, 255], [3, 7, 20]], np.uint8)


def test_values_come_scaled_and_nan_beyond_the_border(tmp_path: Path) -> None:
    values = open_values(write(tmp_path / "a.tif", STORED), GRID, HEIGHT, ValueSpec(scale=0.1, offset=1.0))
    np.testing.assert_allclose(values.read(WHOLE), STORED * 0.1 + 1, rtol=1e-6)
    around = values.read(Window(-1, -1, 4, 5))
    assert around.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(around), np.pad(np.zeros((2, 3), bool), 1, constant_values=True))
    assert np.isnan(values.read(Window(9, 9, 2, 2))).all()
    values.close()


def test_what_the_file_declares_counts_unless_the_spec_says_otherwise(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", STORED, "m", 0.1, 2.0)
    np.testing.assert_allclose(open_values(path, GRID, HEIGHT).read(WHOLE), STORED * 0.1 + 2, rtol=1e-6)
    spec = ValueSpec(scale=1.0, offset=0.0)
    np.testing.assert_allclose(open_values(path, GRID, HEIGHT, spec).read(WHOLE), STORED)


def test_unknown_is_what_the_file_or_the_spec_says_and_a_depth_of_zero(tmp_path: Path) -> None:
    stored = np.array([[0, NAN, 2], [-9, -3, 7]], np.float32)
    path = write(tmp_path / "a.tif", stored, nodata=7)
    heights = open_values(path, GRID, HEIGHT, ValueSpec(nodata=-9)).read(WHOLE)
    np.testing.assert_array_equal(heights, [[0, NAN, 2], [NAN, 0, NAN]])  # -3 lies below the least height
    np.testing.assert_array_equal(open_values(path, GRID, DEPTH).read(WHOLE), [[NAN, NAN, 2], [NAN, NAN, NAN]])


@pytest.mark.parametrize("unit", ["m", "Metre", "meters", ""])
def test_the_unit_of_the_task_by_any_spelling(tmp_path: Path, unit: str) -> None:
    heights = open_values(write(tmp_path / "a.tif", STORED, unit), GRID, HEIGHT).read(WHOLE)
    np.testing.assert_array_equal(heights, STORED)


def test_another_unit_is_refused_unless_a_scale_leads_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", STORED, "dm")
    with pytest.raises(LabelError, match=r"a\.tif: its values are in dm, .* in m; give `scale`, what one dm is in m$"):
        open_values(path, GRID, HEIGHT)
    open_values(path, GRID, HEIGHT, ValueSpec(scale=0.1)).close()


@pytest.mark.parametrize(
    ("stored", "task", "words"),
    [
        (np.array([[1, 2, 3], [4, 501, 6]], np.int16), HEIGHT, r"height is 501 m at row 1, column 1; a height lies"),
        (np.array([[1, 2, 3], [4, 5, -9999]], np.int16), HEIGHT, r"height is -9999 m at row 1, column 2"),
        (np.array([[0, 2, 30000], [4, 5, 6]], np.int16), DEPTH, r"depth is 30000 m at row 0, column 2; a depth lies"),
    ],
)
def test_numbers_that_are_no_height_or_depth_are_told(
    tmp_path: Path, stored: np.ndarray, task: Task, words: str
) -> None:
    path = write(tmp_path / "a.tif", stored)
    with pytest.raises(LabelError, match=words):
        open_values(path, GRID, task).read(WHOLE)
    open_values(path, GRID, task.model_copy(update={"quantity": ""})).read(WHOLE)


def test_a_file_of_another_size_place_or_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="have 3x2 pixels, but their image has 3x4"):
        open_values(write(tmp_path / "a.tif", STORED), Grid(4, 3), HEIGHT)
    moved = Grid(2, 3, Affine(2, 0, 500100, 0, -2, 5000000), GRID.crs)
    with pytest.raises(LabelError, match="50 columns"):
        open_values(tmp_path / "a.tif", moved, HEIGHT)
    with pytest.raises(LabelError, match="has 3 bands; expected one of values of height"):
        open_values(write(tmp_path / "b.tif", np.stack([STORED] * 3)), GRID, HEIGHT)
    with pytest.raises(RasterError):
        open_values(tmp_path / "none.tif", GRID, HEIGHT)
