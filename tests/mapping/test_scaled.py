"""Scenes that the network sees with another pixel size than their own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from smalti.errors import SmaltiWarning
from smalti.mapping.fit import open_fitting
from smalti.mapping.rasters import Wanted
from smalti.mapping.run import map_scene
from smalti.raster.read import open_raster
from smalti.raster.reader import Reader
from smalti.raster.scaled import Scaled
from smalti.raster.stretch import parse_stretch
from smalti.tiling import Window
from tests.mapping.killed import Fading

EVERYTHING = Wanted(confidence=True, probabilities=True, uncertainty=True)
RASTERS = ("map", "map_confidence", "map_probabilities", "map_uncertainty", "map_height")
Opened = Callable[[float], Reader]


def written(path: Path, pixel: float, pixels: np.ndarray, **more: Any) -> Path:
    place = {"crs": "EPSG:32633", "transform": Affine(pixel, 0, 5e5, 0, -pixel, 5e6)}
    shape = dict(zip(("count", "height", "width"), pixels.shape, strict=True))
    with rasterio.open(path, "w", driver="GTiff", dtype=pixels.dtype, **shape, **place, **more) as file:
        file.write(pixels)
    return path


def fitted(path: Path, resolution: float, stretch: str | None = None) -> Reader:
    def refuse(warning: SmaltiWarning) -> None:
        raise warning

    return open_fitting(
        str(path),
        lambda bands, *, resolution: open_raster(path, bands, resolution=resolution),
        Fading().card,
        None,
        resolution,
        refuse,
        stretch=None if stretch is None else parse_stretch(stretch),
    )


@pytest.fixture
def fine(tmp_path: Path) -> Path:
    """Pixels of 0.1 m with a collar of nodata on the left and a hole."""
    pixels = np.random.default_rng(0).integers(1, 255, (3, 24, 21), np.uint8).repeat(10, 1).repeat(10, 2)
    pixels[:, :, :33] = 0
    pixels[:, 100:107, 120:190] = 0
    return written(tmp_path / "fine.tif", 0.1, pixels, nodata=0)


def read(folder: Path) -> dict[str, np.ndarray]:
    found = {}
    for name in RASTERS:
        with rasterio.open(folder / f"{name}.tif") as file:
            found[name] = file.read()
    return found


def test_every_raster_is_on_the_grid_of_the_scene_with_its_nodata(fine: Path, tmp_path: Path) -> None:
    said: list[str] = []
    with fitted(fine, 0.25) as reader:
        summary = map_scene(reader, Fading(), tmp_path / "map.tif", {}, EVERYTHING, say=said.append)
    assert summary is not None and summary.pixels == 240 * 210
    assert said == [f"{fine}: resampled from 0.1 m to 0.25 m for the network"]
    with rasterio.open(fine) as scene:
        valid, grid = scene.read_masks(1) > 0, (scene.transform, scene.crs)
    for name, pixels in read(tmp_path).items():
        with rasterio.open(tmp_path / f"{name}.tif") as file:
            assert (file.transform, file.crs) == grid and file.tags()["SMALTI_NETWORK_PIXEL_M"] == "0.25"
            nodata = np.isnan(pixels) if name == "map_height" else pixels == file.nodata
        assert (nodata == ~valid).all()


def test_probabilities_are_resampled_not_classes(fine: Path, tmp_path: Path) -> None:
    with fitted(fine, 0.25) as reader:
        map_scene(reader, Fading(), tmp_path / "map.tif", {}, EVERYTHING)
    found = read(tmp_path)
    valid = found["map"][0] != 255
    shares = found["map_probabilities"][:, valid].astype(int)
    assert (np.abs(shares.sum(0) - 250) <= 3).all()  # also beside nodata
    best = np.sort(shares, axis=0)
    clear = best[-1] > best[-2]
    assert (shares.argmax(0) == found["map"][0][valid])[clear].all()
    assert (np.abs(best[-1] - found["map_confidence"][0][valid].astype(int)) <= 1).all()
    assert found["map_height"][0][valid].min() > 0


class Interrupted(Fading):
    """Comes to a certain tile."""

    def __init__(self, last: int) -> None:
        super().__init__()
        self._left = last

    def __call__(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        self._left -= 1
        if not self._left:
            raise KeyboardInterrupt
        return super().__call__(batch)


@pytest.mark.parametrize(("resolution", "tile"), [(0.25, 2), (0.25, 10), (0.25, 16), (0.12, 40)])
def test_a_killed_map_resumes_with_the_same_bytes(fine: Path, tmp_path: Path, resolution: float, tile: int) -> None:
    with fitted(fine, resolution) as reader:
        map_scene(reader, Fading(), tmp_path / "map.tif", {})
        again, heard = tmp_path / "again" / "map.tif", list[int]()
        with pytest.raises(KeyboardInterrupt):
            map_scene(reader, Interrupted(tile), again, {})
        map_scene(reader, Fading(), again, {}, progress=heard.append)
    assert sum(heard) == 240 * 210
    for name in ("map.tif", "map_height.tif"):
        assert again.with_name(name).read_bytes() == (tmp_path / name).read_bytes()


def test_another_pixel_size_is_another_map(fine: Path, tmp_path: Path) -> None:
    for resolution in (0.25, 0.3):
        with fitted(fine, resolution) as reader:
            assert map_scene(reader, Fading(), tmp_path / "map.tif", {}) is not None


def test_a_coarse_scene_is_seen_finer(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(1, 255, (3, 31, 40), np.uint8)
    with fitted(written(tmp_path / "coarse.tif", 1.0, pixels), 0.5) as reader:
        assert isinstance(reader, Scaled) and reader.seen.grid.height == 62
        map_scene(reader, Fading(), tmp_path / "map.tif", {}, EVERYTHING)
    assert {pixels.shape[1:] for pixels in read(tmp_path).values()} == {(31, 40)}


def test_a_stretch_is_measured_once_for_both_views(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from smalti.raster import stretch

    count, calls = stretch._count, []
    monkeypatch.setattr(stretch, "_count", lambda reader: calls.append(1) or count(reader))
    pixels = np.random.default_rng(0).integers(1, 3000, (3, 60, 80), np.uint16)
    with fitted(written(tmp_path / "deep.tif", 0.1, pixels, nodata=0), 0.2, "2%,98%") as reader:
        assert reader.dtype == np.uint8
        map_scene(reader, Fading(), tmp_path / "map.tif", {})
    assert calls == [1]
    with rasterio.open(tmp_path / "map.tif") as file:
        assert {"SMALTI_STRETCH", "SMALTI_STRETCH_VALUES", "SMALTI_NETWORK_PIXEL_M"} <= set(file.tags())


def test_validity_of_narrow_windows_is_read_for_many_at_once(fine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Window] = []
    read = Scaled.read

    def counted(self: Scaled, window: Window) -> Any:
        reads.append(window)
        return read(self, window)

    monkeypatch.setattr(Scaled, "read", counted)
    with fitted(fine, 0.25) as reader, rasterio.open(fine) as file:
        assert isinstance(reader, Scaled)
        truth = file.read_masks(1) > 0
        for row, height in ((0, 100), (100, 140)):
            for col in range(0, 210, 7):
                found = reader.valid(Window(row, col, height, 7))
                assert (found == truth[row : row + height, col : col + 7]).all()
    assert len(reads) == 2
