"""Scenes put together, and predicted as parts of one whole."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from smalti.arrays import Floats, Mask
from smalti.mosaics.fade import FADE
from smalti.mosaics.grid import Bounds, MosaicGrid
from smalti.mosaics.ground import Ground
from smalti.predicting import predict_reader
from smalti.raster.array import ArrayReader
from smalti.raster.grid import Grid
from smalti.raster.reader import Reader
from smalti.scene import Layers
from smalti.tiling import Window
from tests.mapping.killed import Fading
from tests.mosaics.scenes import pixels_of

CRS_ = CRS.from_epsg(32633)
MOSAIC = MosaicGrid(CRS_, 1.0, 128)
NEUTRAL = np.array([7.0, 8.0, 9.0])


@dataclass(frozen=True)
class Square:
    """A scene in memory, placed in pixels of the mosaic."""

    pixels: np.ndarray
    row: int = 0
    col: int = 0

    @property
    def bounds(self) -> Bounds:
        height, width = self.pixels.shape[1:]
        return self.col, -(self.row + height), self.col + width, -self.row

    def open(self, mosaic: MosaicGrid) -> Reader:
        place = Grid(*self.pixels.shape[1:], Affine(1, 0, self.col, 0, -1, -self.row), CRS_)
        return ArrayReader(self.pixels, valid=(self.pixels > 0).any(axis=0), grid=place)


def ground(window: Window, *scenes: Square) -> Ground:
    return Ground("tile", MOSAIC, window, scenes, NEUTRAL)


def predicted(window: Window, scenes: Sequence[Square], begin: int = 0, end: int | None = None) -> tuple[Floats, Mask]:
    values, seen = np.zeros((3, window.height, window.width), np.float32), np.zeros((window.height, window.width), bool)

    def write(part: Window, found: dict[str, Floats], valid: Mask) -> None:
        values[:, *part.slices()] = np.where(valid, found["landcover"], 0)
        seen[part.slices()] = valid

    with ground(window, *scenes) as reader:
        predict_reader(reader, Fading(), write, rows_done=begin, rows_end=end)
    return values, seen


SCENES = (Square(pixels_of(150, 160, 1), 10, 20), Square(pixels_of(120, 200, 2), 60, 90), Square(pixels_of(90, 90, 3)))


def test_tiles_are_parts_of_one_map_to_the_last_bit() -> None:
    whole, seen = predicted(Window(0, 0, 192, 256), SCENES)
    assert seen.any() and not seen.all()
    for row, col in ((0, 0), (0, 128), (64, 40), (64, 128)):
        part, there = predicted(Window(row, col, 128, 128), SCENES)
        assert np.array_equal(there, seen[row : row + 128, col : col + 128])
        assert np.array_equal(part, whole[:, row : row + 128, col : col + 128])


def test_rows_that_are_done_are_left_out() -> None:
    window = Window(5, 3, 128, 128)
    whole, _ = predicted(window, SCENES)
    starts = [row for row in range(1, 128) if (row + 5) % 24 == 0]  # the network's tiles of 32 share 8 pixels
    first, second = starts[1:3]
    resumed, _ = predicted(window, SCENES, first)
    assert not resumed[:, :first].any()
    assert np.array_equal(resumed[:, first:], whole[:, first:])
    between, _ = predicted(window, SCENES, first, second)
    assert not between[:, second:].any()
    assert np.array_equal(between[:, first:second], whole[:, first:second])


def test_the_first_scene_lies_on_top_and_fades_into_the_next() -> None:
    top, below = Square(np.full((3, 300, 200), 100, np.uint8)), Square(np.full((3, 300, 400), 50, np.uint8))
    with ground(Window(0, 0, 128, 128), top, below) as reader:
        found, valid = reader.layers(Window(120, 100, 20, 140))
        assert isinstance(found, Layers) and valid.all()
        first, second = found.shares
        assert np.allclose(first + second, 1)
        assert (first[:, 100:] == 0).all()  # beyond its border
        assert (first[:, : 100 - FADE] == 1).all()
        assert (found.images[0][:, :, :100] == 100).all() and (found.images[0][:, :, 100:] == 50).all()
        assert (found.images[1] == 50).all()


def test_a_scene_that_others_hide_is_not_read() -> None:
    scenes = Square(np.full((3, 400, 400), 100, np.uint8)), Square(np.full((3, 400, 400), 50, np.uint8))
    with ground(Window(0, 0, 128, 128), *scenes) as reader:
        pixels, valid = reader.layers(Window(150, 150, 64, 64))
        assert not isinstance(pixels, Layers) and valid.all() and (pixels == 100).all()
        assert list(reader._open) == [0]


def test_where_no_scene_is_the_network_sees_its_mean_and_nothing_is_valid() -> None:
    with ground(Window(0, 0, 128, 128), Square(np.full((3, 100, 100), 90, np.uint8))) as reader:
        pixels, valid = reader.layers(Window(90, 90, 20, 20))
        assert not isinstance(pixels, Layers)
        assert valid[:10, :10].all() and valid.sum() == 100
        assert pixels[:, 15, 15].tolist() == [7, 8, 9]
        assert not reader.layers(Window(500, 500, 20, 20))[1].any()
        assert reader.read(Window(90, 90, 20, 20))[0][:, 15, 15].tolist() == [0, 0, 0]


def test_few_scenes_are_open_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smalti.mosaics.ground._KEPT_OPEN", 2)
    many = [Square(np.full((3, 40, 40), k + 1, np.uint8), 0, 40 * k) for k in range(12)]
    with ground(Window(0, 0, 128, 128), *many) as reader:
        for col in range(0, 480, 40):
            reader.layers(Window(0, col, 40, 40))
            assert len(reader._open) <= 2
