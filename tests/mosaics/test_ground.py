"""Scenes put together, and predicted as parts of one whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
from smalti.runtime.open import open_model
from smalti.scene import Layers, Predictor, coarse_of
from smalti.tiling import Window
from tests.coarse import coarse_card, coarse_model
from tests.mapping.killed import Fading
from tests.mapping.test_coarse import Whole
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


@pytest.fixture(scope="module", params=["fine", "coarse"])
def predict(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """Its answers depend on where in which tile a pixel lies; coarse ones stand for four pixels a side."""
    if request.param == "fine":
        return Fading()
    path = coarse_model(tmp_path_factory.mktemp("models") / "coarse.onnx", coarse_card(), around=1.0)
    found = open_model(str(path), threads=1)
    assert coarse_of(found) is not None
    return found


def predicted(
    predict: Predictor, window: Window, scenes: Sequence[Square], begin: int = 0, end: int | None = None
) -> tuple[Floats, Mask, list[int]]:
    """Probabilities, where any scene is, and the first rows of the windows that were written."""
    values, seen = np.zeros((3, window.height, window.width), np.float32), np.zeros((window.height, window.width), bool)
    rows = set()

    def write(part: Window, found: Mapping[str, Floats], valid: Mask) -> None:
        values[:, *part.slices()] = np.where(valid, found["landcover"], 0)
        seen[part.slices()] = valid
        rows.add(part.row)

    with ground(window, *scenes) as reader:
        predict_reader(reader, predict, write, rows_done=begin, rows_end=end)
    return values, seen, sorted(rows)


SCENES = (Square(pixels_of(150, 160, 1), 10, 20), Square(pixels_of(120, 200, 2), 60, 90), Square(pixels_of(90, 90, 3)))


def test_tiles_are_parts_of_one_map_to_the_last_bit(predict: Predictor) -> None:
    whole, seen, _ = predicted(predict, Window(0, 0, 192, 256), SCENES)
    assert seen.any() and not seen.all()
    for row, col in ((0, 0), (0, 128), (64, 40), (64, 128), (61, 43)):
        part, there, _ = predicted(predict, Window(row, col, 128, 128), SCENES)
        assert np.array_equal(there, seen[row : row + 128, col : col + 128])
        assert np.array_equal(part, whole[:, row : row + 128, col : col + 128])


def test_rows_that_are_done_are_left_out(predict: Predictor) -> None:
    window = Window(5, 3, 128, 128)
    whole, _, starts = predicted(predict, window, SCENES)
    first, second = starts[2:4]
    resumed, _, rows = predicted(predict, window, SCENES, first)
    assert not resumed[:, :first].any() and rows == starts[2:]
    assert np.array_equal(resumed[:, first:], whole[:, first:])
    between, _, rows = predicted(predict, window, SCENES, first, second)
    assert not between[:, second:].any() and rows == starts[2:3]
    assert np.array_equal(between[:, first:second], whole[:, first:second])


def test_coarse_answers_of_several_scenes_are_those_of_their_pixels(tmp_path: Path) -> None:
    found = open_model(str(coarse_model(tmp_path / "coarse.onnx", coarse_card())), threads=1)
    coarse, _, _ = predicted(found, Window(0, 0, 192, 256), SCENES)
    fine, seen, _ = predicted(Whole(found), Window(0, 0, 192, 256), SCENES)
    assert np.allclose(coarse.sum(axis=0), seen, atol=1e-5)
    apart = np.abs(coarse - fine)[:, seen]
    assert apart.mean() < 0.005 and apart.max() < 0.5  # largest where a scene ends within an answer
    assert (coarse.argmax(axis=0) == fine.argmax(axis=0))[seen].mean() > 0.98


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
