"""What a dataset is read from, by whatever name it is given."""

import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from smalti.raster.files import files_behind, is_url, place_of, sidecars

PLACE = {"crs": "EPSG:32633", "transform": Affine(1, 0, 5e5, 0, -1, 5e6)}


def raster(path: Path, driver: str = "GTiff") -> Path:
    with rasterio.open(path, "w", driver=driver, count=1, height=8, width=9, dtype="uint8", **PLACE) as file:
        file.write(np.ones((1, 8, 9), np.uint8))
    return path


def virtual(path: Path, source: str, relative: bool = True, mask: str = "") -> Path:
    """A virtual raster of a source, perhaps with the mask of another one."""
    band = (
        '<VRTRasterBand dataType="Byte" {more}><SimpleSource><SourceFilename relativeToVRT="{relative}">{source}'
        "</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>"
    )
    own = band.format(more='band="1"', relative=int(relative), source=source)
    masked = f"<MaskBand>{band.format(more='', relative=int(relative), source=mask)}</MaskBand>" if mask else ""
    path.write_text(f'<VRTDataset rasterXSize="9" rasterYSize="8">{own}{masked}</VRTDataset>')
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one scene in many forms, in which the names of the tests are looked for."""
    monkeypatch.chdir(tmp_path)
    raster(tmp_path / "s.tif")
    raster(tmp_path / "mask.tif")
    raster(tmp_path / "envi.img", "ENVI")
    virtual(tmp_path / "v.vrt", "s.tif")
    virtual(tmp_path / "outer.vrt", "v.vrt", mask="mask.tif")
    virtual(tmp_path / "packed.vrt", "/vsizip/s.zip/deep/s.tif", relative=False)
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.write("s.tif", "deep/s.tif")
    with tarfile.open(tmp_path / "s.tar", "w") as packed:
        packed.add("s.tif")
    (tmp_path / "link.tif").symlink_to("s.tif")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("s.tif", "s.tif"),
        ("./../{folder}/s.tif", "s.tif"),
        ("link.tif", "s.tif"),
        ("file://{path}/s.tif", "s.tif"),
        ("GTIFF_DIR:1:s.tif", "s.tif"),
        ("vrt://s.tif?bands=1", "s.tif"),
        ("/vsisubfile/0_100000,s.tif", "s.tif"),
        ("/vsicached?chunk_size=4096&file=s.tif", "s.tif"),
        ("v.vrt", "s.tif v.vrt"),
        ("outer.vrt", "mask.tif outer.vrt s.tif v.vrt"),
        ("packed.vrt", "packed.vrt s.zip"),
        ("/vsizip/s.zip/deep/s.tif", "s.zip"),
        ("/vsizip/{{s.zip}}/deep/s.tif", "s.zip"),
        ("zip+file://{path}/s.zip!deep/s.tif", "s.zip"),
        ("/vsitar/{path}/s.tar/s.tif", "s.tar"),
        ("envi.img", "envi.hdr envi.img envi.img.aux.xml"),
        ("none.tif", ""),
        ("x" * 5000, ""),
        ("a\0b", ""),
        ("", ""),
    ],
)
def test_every_file_of_a_data_set_is_found(folder: Path, name: str, files: str) -> None:
    (folder / "envi.img.aux.xml").write_text("<PAMDataset/>")
    found = files_behind([name.format(path=folder, folder=folder.name)])
    assert [Path(file).relative_to(folder.resolve()).as_posix() for file in found] == files.split()


def test_the_text_of_a_virtual_raster_is_looked_into(folder: Path) -> None:
    text = virtual(folder / "t.vrt", str(folder / "s.tif"), relative=False).read_text()
    assert files_behind([text]) == [str((folder / "s.tif").resolve())]


def test_the_tiles_of_an_index_are_found(folder: Path) -> None:
    import pyogrio.raw
    import shapely

    with rasterio.Env() as env:
        if "GTI" not in env.drivers():
            pytest.skip("this GDAL knows no tile indexes")
    box = shapely.to_wkb(np.array([shapely.box(5e5, 5e6 - 8, 5e5 + 9, 5e6)]))
    place = np.array(["s.tif"], object)
    pyogrio.raw.write("t.gti.gpkg", box, [place], ["location"], geometry_type="Polygon", crs="EPSG:32633")
    for name in ("t.gti.gpkg", "GTI:t.gti.gpkg"):
        assert [Path(file).name for file in files_behind([name])] == ["s.tif", "t.gti.gpkg"], name


def test_sidecars_are_found_by_their_names(folder: Path) -> None:
    names = ("s.tif.msk", "s.tif.ovr", "s.tif.aux.xml", "s.tfw", "s.TIFW", "s_RPC.TXT", "s.wld")
    for name in (*names, "s.txt", "other.tif.msk", "s.png"):
        (folder / name).write_text("")
    assert {car.name for car in sidecars(folder / "s.tif")} == set(names)
    assert {os.path.basename(file) for file in files_behind(["v.vrt"])} == {"v.vrt", "s.tif", *names}  # noqa: PTH119


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("https://example.org/a.tif?key=1", "https://example.org/a.tif?key=1"),
        ("/vsicurl/https://example.org/a.tif", "https://example.org/a.tif"),
        ("/vsicurl?url=https%3A%2F%2Fexample.org%2Fa.tif", "https://example.org/a.tif"),
        ("/vsizip//vsicurl/https://example.org/a.zip/b/c.tif", "https://example.org/a.zip"),
        ("/vsizip/{/vsicurl/https://example.org/a.zip}/c.tif", "https://example.org/a.zip"),
        ("/vsis3/bucket/a.tif", "/vsis3/bucket/a.tif"),
        ("s3://bucket/a.tif", "/vsis3/bucket/a.tif"),
    ],
)
def test_urls_are_places_too(name: str, place: str) -> None:
    assert place_of(name) == place
    assert is_url(place)


def test_what_is_no_place_at_all_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    odd: Callable[[str], str] = place_of
    assert [odd(name) for name in ("/vsimem/a.tif", "/vsizip/none.zip/a.tif", "")] == [""] * 3
