"""A limit of open files is lived with where it can be, and named where it cannot."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from smalti.raster.check import explain, limit

pytest.importorskip("resource")
CODE = """
import os, resource, sys
from smalti.errors import RasterError
from smalti.raster.read import open_raster
import rasterio
from smalti.tiling import Window
used = len(os.listdir("/dev/fd"))
resource.setrlimit(resource.RLIMIT_NOFILE, (used + int(sys.argv[2]),) * 2)
try:
    with open_raster(sys.argv[1]) as file:
        print(file.read(Window(0, 0, file.grid.height, file.grid.width))[0].sum())
except RasterError as error:
    print(error)
"""


@pytest.fixture
def virtual(tmp_path: Path) -> Path:
    """A virtual raster of 80 files side by side."""
    sources = []
    for k in range(80):
        place = {"crs": "EPSG:32633", "transform": Affine(1, 0, 5e5 + k, 0, -1, 5e6)}
        with rasterio.open(
            tmp_path / f"{k}.tif", "w", driver="GTiff", count=1, height=1, width=1, dtype="uint8", **place
        ) as file:
            file.write(np.ones((1, 1, 1), np.uint8))
        sources.append(
            f'<SimpleSource><SourceFilename relativeToVRT="1">{k}.tif</SourceFilename><SourceBand>1</SourceBand>'
            f'<SrcRect xOff="0" yOff="0" xSize="1" ySize="1"/><DstRect xOff="{k}" yOff="0" xSize="1" ySize="1"/>'
            "</SimpleSource>"
        )
    band = f'<VRTRasterBand dataType="Byte" band="1">{"".join(sources)}</VRTRasterBand>'
    (tmp_path / "all.vrt").write_text(f'<VRTDataset rasterXSize="80" rasterYSize="1">{band}</VRTDataset>')
    return tmp_path / "all.vrt"


def read(virtual: Path, more: int) -> str:
    """What reading it gives where so many more files may be opened."""
    done = subprocess.run([sys.executable, "-c", CODE, str(virtual), str(more)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("more", [40, 200])
def test_a_virtual_raster_of_many_files_needs_few_open_ones(virtual: Path, more: int) -> None:
    assert read(virtual, more) == "80"


def test_too_many_open_files_are_no_damage(virtual: Path) -> None:
    told = read(virtual, 1)
    assert "too many other files are open; allow more: ulimit -n 4096" in told
    assert "damaged" not in told


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("a.tif: Permission denied", "no permission to read it"),
        ("Too many open files", "ulimit -n 4096"),
        ("Input/output error", "the disk fails"),
    ],
)
def test_what_does_not_lie_in_the_file_is_named(tmp_path: Path, said: str, told: str) -> None:
    (tmp_path / "a.tif").write_text("x")
    for text in (limit(OSError(said)), str(explain(str(tmp_path / "a.tif"), OSError(said)))):
        assert told in text
        assert "damaged" not in text
    assert limit(OSError("TIFFReadEncodedTile failed")) == ""
