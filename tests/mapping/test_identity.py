"""Files that a map is made of are known again, and changes of them are noticed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import rasterio

from smalti.mapping.identity import identity
from smalti.raster import far
from tests.needs import without_packages
from tests.raster.test_files import folder, raster

__all__ = ["folder"]
SERVER = Path(__file__).parents[1] / "raster" / "range_server.py"


def touched(path: Path, step: int = 1) -> None:
    """Gives a file another time of change, as whoever rewrites it does."""
    os.utime(path, ns=(0, path.stat().st_mtime_ns + step))


@pytest.mark.parametrize(
    "name",
    ["s.tif", "link.tif", "v.vrt", "outer.vrt", "file://{path}/s.tif", "GTIFF_DIR:1:s.tif", "vrt://s.tif?bands=1"],
)
def test_a_change_of_a_source_is_noticed(folder: Path, name: str) -> None:
    names = [name.format(path=folder)]
    before = identity(names)
    assert identity(names) == before
    touched(folder / "s.tif")
    assert identity(names) != before


def test_an_object_without_the_extra_is_known_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    without_packages(monkeypatch, "obstore")
    for key, value in {"AWS_S3_ENDPOINT": "127.0.0.1:9", "AWS_HTTPS": "NO", "AWS_NO_SIGN_REQUEST": "YES"}.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(far, "PAUSES_S", ())
    monkeypatch.setitem(far.READING, "GDAL_HTTP_MAX_RETRY", "0")
    assert identity(["/vsis3/maps/a.tif"]) != identity(["/vsis3/maps/b.tif"])


def test_a_change_of_an_archive_or_a_mask_is_noticed(folder: Path) -> None:
    for name, changed in (("/vsizip/s.zip/deep/s.tif", "s.zip"), ("packed.vrt", "s.zip"), ("outer.vrt", "mask.tif")):
        before = identity([name])
        touched(folder / changed)
        assert identity([name]) != before, name


def test_another_file_of_the_same_size_and_time_is_noticed(folder: Path) -> None:
    before, file = identity(["v.vrt"]), folder / "s.tif"
    stat = file.stat()
    file.write_bytes(bytes(255 - byte for byte in file.read_bytes()))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert file.stat().st_size == stat.st_size
    assert identity(["v.vrt"]) != before


@pytest.mark.parametrize("sidecar", ["s.tif.msk", "s.tif.ovr", "s.tfw", "s.wld"])
def test_a_new_sidecar_is_noticed(folder: Path, sidecar: str) -> None:
    before = identity(["v.vrt"])
    (folder / sidecar).write_text("1")
    assert identity(["v.vrt"]) != before


def test_statistics_beside_a_scene_are_no_change_but_names_and_nodata_are(folder: Path) -> None:
    band = '<PAMDataset><PAMRasterBand band="1">{}</PAMRasterBand></PAMDataset>'
    before = identity(["s.tif"])

    def said(text: str) -> bool:
        (folder / "s.tif.aux.xml").write_text(band.format(text))
        return identity(["s.tif"]) != before

    assert not said('<Metadata><MDI key="STATISTICS_MEAN">1</MDI></Metadata><Histograms><HistItem/></Histograms>')
    assert said("<NoDataValue>1</NoDataValue>")
    assert said("<Description>red</Description>")
    assert not said("")


def test_all_files_of_a_folder_count(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    (store / "chunk").write_text("a")
    before = identity([], [str(store)])
    (store / "chunk").write_text("ab")
    assert identity([], [str(store)]) != before


def served(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(SERVER), str(folder / "a.tif"), *arguments], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("told", [("ETag", "1"), ("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT"), ()])
def test_a_change_behind_a_url_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: tuple[str, ...]
) -> None:
    """By what the server tells; by the pixels where it tells nothing."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("CPL_VSIL_CURL_USE_HEAD", "NO")
    raster(tmp_path / "a.tif")
    found = []
    for version in ("1", "1", "2"):
        headers = [f"{told[0]}: {told[1]}{version}"] if told else []
        if not told and version == "2":
            with rasterio.open(tmp_path / "a.tif", "r+") as file:
                file.write(7 * file.read())
        with served(tmp_path, *headers) as server:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{server.stdout.readline().strip()}/a.tif"
            found.append([entry[1:] for entry in identity([url])])
            server.kill()
    assert found[0] == found[1] != found[2]
    if told:
        assert f"{told[1]}1" in found[0][0]
