from contextlib import nullcontext
from pathlib import Path

import pytest

from smalti.errors import RasterError
from smalti.mapping.places import outputs, scenes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.png", "a.TIF", ".hidden.tif", "a.TIF.aux.xml", "notes.txt", "deep/c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path


def test_a_folder_gives_its_images_in_order(folder: Path) -> None:
    assert [Path(scene).name for scene in scenes(str(folder))] == ["a.TIF", "b.png"]


def test_a_glob_gives_what_matches(folder: Path) -> None:
    assert [Path(scene).name for scene in scenes(str(folder / "**" / "*.[jp]*g"))] == ["b.png", "c.jpg"]


@pytest.mark.parametrize("name", ["no.tif", "https://example.org/a.tif?x=*", "/vsizip/a.zip/b.tif"])
def test_what_is_no_folder_and_no_glob_is_left_to_the_reader(name: str) -> None:
    assert scenes(name) == [name]


def test_folders_and_globs_that_hold_nothing_are_named(folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(RasterError, match="empty: no image in this folder"):
        scenes(str(folder / "empty"))
    with pytest.raises(RasterError, match="no file matches"):
        scenes(str(folder / "*.jp2"))


def test_maps_take_their_scenes_names() -> None:
    assert outputs(["x/a.png"], "map.tif", into_folder=False) == [Path("map.tif")]
    found = ["x/a.png", "y/b.tif", "https://example.org/tiles/c.tif?key=1"]
    assert outputs(found, "out", into_folder=True) == [Path("out/a.tif"), Path("out/b.tif"), Path("out/c.tif")]


def test_scenes_of_one_name_are_told_apart_by_their_folder() -> None:
    assert outputs(["x/a.png", "y/a.png"], "out", into_folder=True) == [Path("out/x_a.tif"), Path("out/y_a.tif")]


def test_the_text_of_a_virtual_raster_is_refused_in_one_short_line() -> None:
    text = "<VRTDataset>\n" + "  <SRS>[EPSG:4326]</SRS>\n" * 50 + "</VRTDataset>"
    with pytest.raises(RasterError, match="is the text of a virtual raster; write it to a file") as caught:
        scenes(text)
    assert len(str(caught.value)) < 120 and "\n" not in str(caught.value)


def test_maps_in_a_folder_are_no_scenes_of_it(folder: Path) -> None:
    (folder / "b.tif").write_text("x")
    (folder / "b.tif.aux.xml").write_text('<PAMDataset><MDI key="SMALTI_JOB">0</MDI></PAMDataset>')
    assert [Path(scene).name for scene in scenes(str(folder))] == ["a.TIF", "b.png"]
    assert [Path(scene).name for scene in scenes(str(folder / "b.*g"))] == ["b.png"]
    assert scenes(str(folder / "b.tif")) == [str(folder / "b.tif")]


def test_a_folder_may_be_one_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.zarr").mkdir()
    monkeypatch.setattr("smalti.mapping.places.quiet_open", lambda name: nullcontext())
    assert scenes(str(tmp_path / "a.zarr")) == [str(tmp_path / "a.zarr")]


def test_maps_of_files_behind_a_driver_have_a_name() -> None:
    found = ["vrt://a.tif?bands=3,2,1", "gzip://b.tif.gz", "vrt:///data/c.tif?bands=1"]
    assert outputs(found, "out", into_folder=True) == [Path("out/a.tif"), Path("out/b.tif.tif"), Path("out/c.tif")]
