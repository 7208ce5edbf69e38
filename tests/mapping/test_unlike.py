"""Which tiles of a scene are unlike the training, in the tags of its map."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from smalti.arrays import Pixels
from smalti.card import UNLIKE
from smalti.mapping.run import map_scene
from smalti.mapping.spool import Spool
from smalti.mapping.unlike import SHARE_TAG, TILES_TAG, read_unlike, unlike_warning
from smalti.raster.read import open_raster
from smalti.raster.resample import Resampled
from smalti.raster.scaled import Scaled
from smalti.tiling import Window
from tests.mapping.killed import Fading
from tests.tiny import unlike_above


class Bright(Fading):
    """Bright tiles are unlike its training."""

    def __init__(self) -> None:
        super().__init__()
        self.card = self.card.model_copy(update={"unlike": unlike_above(0.5)})
        self.calls = 0

    def __call__(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        self.calls += 1
        return super().__call__(batch) | {UNLIKE: batch.mean((1, 2, 3), np.float32)[:, None] / 255}


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """96 x 56 pixels, bright from row 48 on, without data left of column 5."""
    path = tmp_path / "scene.tif"
    pixels = np.full((3, 96, 56), 20, np.uint8)
    pixels[:, 48:], pixels[:, :, :5] = 230, 0
    shape = {"height": 96, "width": 56, "count": 3, "dtype": "uint8", "nodata": 0}
    place = {"crs": "EPSG:32633", "transform": Affine(0.3, 0, 5e5, 0, -0.3, 5e6)}
    with rasterio.open(path, "w", driver="GTiff", **shape, **place) as file:
        file.write(pixels)
    return path


def test_a_map_states_the_share_and_each_tile(scene: Path, tmp_path: Path) -> None:
    with open_raster(scene) as reader:
        map_scene(reader, Bright(), tmp_path / "map.tif", {})
    found = read_unlike(tmp_path / "map.tif")
    assert found is not None and found.size == (96, 56)
    # tiles of 32 with overlap 8 begin at rows 0, 24, 48 and 64, at columns 0 and 24
    assert found.letters == "----uuuu"
    assert found.share == pytest.approx(0.5, abs=0.01)
    parts = found.parts(Bright().card)
    assert parts[0] == (0, 48 / 96, 24 / 56, pytest.approx(parts[0][3])) and parts[-1][2:] == (1, 1)
    with rasterio.open(tmp_path / "map.tif") as file:
        assert file.tags()[SHARE_TAG] == "0.5000" and file.tags()[TILES_TAG] == "96x56 ----uuuu"


def test_an_interrupted_map_states_the_same(scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put = Spool.put

    def put_first_rows(spool: Spool, window: Window, blocks: Sequence[Pixels]) -> None:
        if window.row >= 48:
            raise RuntimeError("interrupted")
        put(spool, window, blocks)

    with open_raster(scene) as reader:
        map_scene(reader, Bright(), tmp_path / "whole.tif", {})
        with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="interrupted"):
            patched.setattr(Spool, "put", put_first_rows)
            map_scene(reader, Bright(), tmp_path / "map.tif", {})
        again = Bright()
        map_scene(reader, again, tmp_path / "map.tif", {})
    assert again.calls < 8
    assert read_unlike(tmp_path / "map.tif") == read_unlike(tmp_path / "whole.tif")


def test_tiles_without_data_are_not_judged(scene: Path, tmp_path: Path) -> None:
    with rasterio.open(scene, "r+") as file:
        file.write(np.zeros((3, 60, 56), np.uint8), window=((0, 60), (0, 56)))
    with open_raster(scene) as reader:
        map_scene(reader, Bright(), tmp_path / "map.tif", {})
    found = read_unlike(tmp_path / "map.tif")
    assert found is not None and found.letters[:4] == "...." and 0.8 < found.share < 1


def test_of_a_resampled_scene_the_tiles_are_those_of_the_network(scene: Path, tmp_path: Path) -> None:
    with open_raster(scene) as own, open_raster(scene) as other:
        scaled = Scaled(own, Resampled(other, 0.6), 0.6, "coarser")
        map_scene(scaled, Bright(), tmp_path / "map.tif", {})
    found = read_unlike(tmp_path / "map.tif")
    assert found is not None and found.size == (48, 28)
    assert found.letters == "-u" and 0.4 < found.share < 0.7


def test_a_model_that_does_not_judge_states_nothing(scene: Path, tmp_path: Path) -> None:
    with open_raster(scene) as reader:
        map_scene(reader, Fading(), tmp_path / "map.tif", {})
    assert read_unlike(tmp_path / "map.tif") is None


def test_few_unusual_tiles_are_no_warning() -> None:
    card = Bright().card
    assert unlike_warning("s.tif", 0.05, card) is None
    said = str(unlike_warning("s.tif", 0.62, card))
    assert "s.tif: 62 % of this scene is unlike what tiny was trained on; expect errors (teach it" in said
    assert unlike_warning("s.tif", 0.05, card, (9, 80)) is None
    said = str(unlike_warning("s.tif", 0.62, card, (9, 80)))
    assert "its values lie between 9 and 80 of 255: try --stretch 1%,99% first" in said
