"""Bands that lie in several files are one scene."""

from pathlib import Path

import numpy as np
import pytest

from smalti.errors import RasterError
from smalti.raster.read import open_raster
from smalti.raster.stack import open_stack
from smalti.tiling import Window
from tests.raster.still_open import still_open
from tests.remote.loopback import scene


def test_the_bands_of_files_are_stacked_in_their_order(tmp_path: Path) -> None:
    files = [str(scene(tmp_path / f"{k}.tif", k, count=1)) for k in range(3)]
    window = Window(5, 6, 40, 30)
    with open_stack(files, ["nir", "Red", "B03"]) as stack:
        assert (stack.bands, stack.names_known) == (("nir", "red", "b03"), False)
        pixels, valid = stack.read(window)
    assert valid.all()
    for k, file in enumerate(files):
        with open_raster(file) as one:
            assert np.array_equal(one.read(window)[0][0], pixels[k])
    with open_stack(files, ["red", "green", "blue"], ["blue", 1]) as stack:
        assert (stack.bands, stack.names_known) == (("blue", "red"), True)
        assert np.array_equal(stack.read(window)[0], pixels[[2, 0]])
    with open_stack(files, ["red", "green", "blue"], resolution=0.6) as coarse:
        assert coarse.grid.height == 80


def test_files_without_the_wanted_resolution_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [str(scene(tmp_path / f"{k}.tif", k, count=1)) for k in range(2)]
    opened = still_open(monkeypatch)
    with pytest.raises(RasterError, match="times finer than what it shows"):
        open_stack(files, ["red", "green"], resolution=0.001)
    assert not opened


def test_files_with_other_pixels_are_refused(tmp_path: Path) -> None:
    first = str(scene(tmp_path / "a.tif", count=1))
    coarse = str(scene(tmp_path / "b.tif", count=1, size=80))
    beside = str(scene(tmp_path / "c.tif", count=1, east=500100))
    with pytest.raises(RasterError, match=r"has 80 x 80 pixels, .* has 160 x 160 pixels; choose bands of one"):
        open_stack([first, coarse], ["red", "green"])
    with pytest.raises(RasterError, match="does not lie where"):
        open_stack([first, beside], ["red", "green"])
