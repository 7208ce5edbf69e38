from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import smalti as sm
from smalti.errors import GeoreferenceWarning, RasterError, SceneWarning, SmaltiWarning, warn
from smalti.mapping.places import outputs, scenes
from smalti.mapping.source import Source
from tests.tiny import tiny_model, write_classes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.png", "a.TIF", ".hidden.tif", "a.TIF.aux.xml", "notes.txt", "deep/c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path


def test_a_folder_gives_its_images_in_order(folder: Path) -> None:
    assert [Path(scene).name for scene in scenes(str(folder), warn)] == ["a.TIF", "b.png"]


def test_a_glob_gives_what_matches(folder: Path) -> None:
    assert [Path(scene).name for scene in scenes(str(folder / "**" / "*.[jp]*g"), warn)] == ["b.png", "c.jpg"]


@pytest.mark.parametrize("name", ["no.tif", "https://example.org/a.tif?x=*", "/vsizip/a.zip/b.tif"])
def test_what_is_no_folder_and_no_glob_is_left_to_the_reader(name: str) -> None:
    assert scenes(name, warn) == [name]


def test_folders_and_globs_that_hold_nothing_are_named(folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(RasterError, match="empty: no image in this folder"):
        scenes(str(folder / "empty"), warn)
    (folder / "empty" / "masks").mkdir()
    (folder / "empty" / "images").mkdir()
    (folder / "empty" / "images" / "a.png").write_text("x")
    with pytest.raises(RasterError, match=r"no image in this folder .*; give one below it, such as .*empty/images$"):
        scenes(str(folder / "empty"), warn)
    with pytest.raises(RasterError, match="no file matches"):
        scenes(str(folder / "*.jp2"), warn)


def test_maps_take_their_scenes_names() -> None:
    assert outputs([Source(("x/a.png",))], "map.tif", into_folder=False) == [Path("map.tif")]
    found = ["x/a.png", "y/b.tif", "https://example.org/tiles/c.tif?key=1"]
    assert outputs([Source((name,)) for name in found], "out", into_folder=True) == [
        Path("out/a.tif"),
        Path("out/b.tif"),
        Path("out/c.tif"),
    ]


def test_scenes_of_one_name_are_told_apart_by_their_folder() -> None:
    assert outputs([Source(("x/a.png",)), Source(("y/a.png",))], "out", into_folder=True) == [
        Path("out/x_a.tif"),
        Path("out/y_a.tif"),
    ]


def test_keys_of_object_stores_are_told_apart_by_all_of_their_letters() -> None:
    found = ["s3://b/x/h#1.tif", "s3://b/x/h#2.tif", "/vsis3/b/q?x=1.tif"]
    assert outputs([Source((name,)) for name in found], "out", into_folder=True) == [
        Path("out/h_1.tif"),
        Path("out/h_2.tif"),
        Path("out/q_x=1.tif"),
    ]


def test_the_text_of_a_virtual_raster_is_refused_in_one_short_line() -> None:
    text = "<VRTDataset>\n" + "  <SRS>[EPSG:4326]</SRS>\n" * 50 + "</VRTDataset>"
    with pytest.raises(RasterError, match="is the text of a virtual raster; write it to a file") as caught:
        scenes(text, warn)
    assert len(str(caught.value)) < 120 and "\n" not in str(caught.value)


def test_maps_in_a_folder_are_no_scenes_of_it(folder: Path) -> None:
    (folder / "b.tif").write_text("x")
    (folder / "b.tif.aux.xml").write_text('<PAMDataset><MDI key="SMALTI_JOB">0</MDI></PAMDataset>')
    heard: list[SmaltiWarning] = []
    assert [Path(scene).name for scene in scenes(str(folder), heard.append)] == ["a.TIF", "b.png"]
    assert [Path(scene).name for scene in scenes(str(folder / "b.*g"), heard.append)] == ["b.png"]
    assert scenes(str(folder / "b.tif"), heard.append) == [str(folder / "b.tif")]
    (told,) = heard
    assert str(told) == f"{folder}: skipped, as they are maps, labels or heights, not scenes: b.tif"
    with pytest.raises(RasterError, match=r"holds only maps or labels, such as b\.tif; name a file to map it anyway"):
        scenes(str(folder / "*.tif"), warn)


def test_labels_in_a_folder_are_no_scenes_of_it(tmp_path: Path) -> None:
    write_classes(tmp_path / "tagged.tif", np.zeros((3, 4)), "land", "water")
    for name in (
        "a.tif",
        "a_classes.tif",
        "a_height.tif",
        "b_rgb.png",
        "b_mask.png",
        "c_height.tif",
        "a_confidence.tif",
    ):
        (tmp_path / name).write_text("x")
    heard: list[SmaltiWarning] = []
    found = [Path(scene).name for scene in scenes(str(tmp_path), heard.append)]
    assert found == ["a.tif", "b_rgb.png", "c_height.tif"]  # nothing beside the last is called c
    assert str(heard[0]).endswith("not scenes: a_classes.tif, a_confidence.tif, a_height.tif and 2 more")


def test_what_map_writes_is_left_out_even_without_its_side_car(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "scene.png")
    with pytest.warns(GeoreferenceWarning):
        sm.map(tmp_path / "scene.png", tmp_path / "out.tif", confidence=True, model=tiny_model(tmp_path / "tiny.onnx"))
    for car in tmp_path.glob("*.aux.xml"):
        car.unlink()
    with pytest.warns(SceneWarning, match=r"not scenes: out\.tif, out_confidence\.tif"):
        assert scenes(str(tmp_path), warn) == [str(tmp_path / "scene.png")]


def test_a_folder_may_be_one_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.zarr").mkdir()
    monkeypatch.setattr("smalti.mapping.places.quiet_open", lambda name: nullcontext())
    assert scenes(str(tmp_path / "a.zarr"), warn) == [str(tmp_path / "a.zarr")]


def test_maps_of_files_behind_a_driver_have_a_name() -> None:
    found = ["vrt://a.tif?bands=3,2,1", "gzip://b.tif.gz", "vrt:///data/c.tif?bands=1"]
    assert outputs([Source((name,)) for name in found], "out", into_folder=True) == [
        Path("out/a.tif"),
        Path("out/b.tif.tif"),
        Path("out/c.tif"),
    ]
