"""What a project keeps, and by which names."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio

from smalti.errors import LabelError, ModelError
from smalti.lessons.project import Project, load_project, model_name, scene_name
from smalti.runtime.models import find_model
from tests.lessons.places import PLACE, noisy_scene, stroke_file


def _raster(path: Path, world: float = 0.5) -> Path:
    """Class ids whose place stands in a world file."""
    kind = {"count": 1, "dtype": "uint8"}
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(path, "w", "PNG", 8, 8, **kind) as file:
        file.write(np.zeros((1, 8, 8), np.uint8))
    path.with_suffix(".pgw").write_text(f"{world}\n0\n0\n-{world}\n500000.25\n4999999.75\n")
    return path


def test_a_raster_is_copied_with_its_world_file(tmp_path: Path) -> None:
    strokes = _raster(tmp_path / "s.png")
    project = Project(tmp_path / "p").with_strokes("a.tif", strokes)
    assert {each.name for each in (tmp_path / "p" / "strokes").iterdir()} == {"s.png", "s.pgw"}
    with rasterio.open(project.painted[0].strokes) as file:
        assert file.transform == PLACE
    assert project.with_strokes("a.tif", strokes) is project
    moved = project.with_strokes("a.tif", _raster(tmp_path / "s.png", 0.25))  # the same ids at another place
    assert [each.strokes.name for each in moved.painted] == ["s.png", "s-2.png"]
    with rasterio.open(moved.painted[1].strokes) as file:
        assert file.transform.a == 0.25


def test_files_of_one_stem_do_not_share_side_cars(tmp_path: Path) -> None:
    project = Project(tmp_path / "p").with_strokes("a.tif", _raster(tmp_path / "s.png"))
    project = project.with_strokes("a.tif", stroke_file(tmp_path / "S.gpkg"))
    assert [each.strokes.name for each in project.painted] == ["s.png", "S-2.gpkg"]


def test_jpeg_is_refused_as_it_changes_values() -> None:
    with pytest.raises(LabelError, match="JPEG changes values: save class ids as PNG or TIFF"):
        Project(Path("p")).with_strokes("a.tif", Path("s.jpg"))


def test_files_are_relative_to_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written by hand, or since they lie in its folder; so they move with it."""
    folder = tmp_path / "p"
    folder.mkdir()
    text = """model = "own.onnx"
[bands]
"../a.tif" = [3, 2, 1]
[[scenes]]
image = "../a.tif"
strokes = "strokes/s.gpkg"
[[scenes]]
image = "in/b.tif"
strokes = "strokes/t.gpkg"
[[scenes]]
image = "s3://bucket/c.tif"
strokes = "strokes/u.gpkg"
"""
    (folder / "teach.toml").write_text(text)
    monkeypatch.chdir("/")
    project = load_project(folder)
    assert project.model == str(folder / "own.onnx") and project.bands == {str(tmp_path / "a.tif"): ("3", "2", "1")}
    images = [str(tmp_path / "a.tif"), str(folder / "in" / "b.tif"), "s3://bucket/c.tif"]
    assert [each.image for each in project.painted] == images
    project.save()
    assert load_project(folder) == project
    moved = shutil.copytree(folder, tmp_path / "q")
    assert load_project(moved).model == str(moved / "own.onnx")
    assert [each.image for each in load_project(moved).painted] == [images[0], str(moved / "in" / "b.tif"), images[2]]


def test_models_are_kept_by_name_or_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    own = shutil.copy(find_model("landcover"), tmp_path / "models" / "own.onnx")
    assert model_name("landcover") == "landcover"
    assert model_name("own") == model_name("models/own.onnx") == str(own)
    with pytest.raises(ModelError, match="no model is named 'none'"):
        model_name("none")


def test_scenes_are_kept_by_whole_path_or_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    noisy_scene(tmp_path / "a.tif")
    assert scene_name("a.tif") == str(tmp_path / "a.tif")
    for name in ("s3://bucket/a.tif", "https://example.org/a.tif", f"GTIFF_DIR:1:{tmp_path / 'a.tif'}"):
        assert scene_name(name) == name


@pytest.mark.skipif(sys.platform == "win32", reason="names there have no colon")
@pytest.mark.parametrize("name", ["2021-05-01T10:30.tif", "T10:30.tif", "in/a:b.tif"])
def test_a_scene_in_the_folder_may_have_a_colon_in_its_name(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    (folder / name).parent.mkdir(parents=True)
    noisy_scene(folder / name)
    Project(folder).with_strokes(str(folder / name), stroke_file(tmp_path / "s.gpkg")).save()
    assert f'image = "{name}"' in (folder / "teach.toml").read_text()
    assert load_project(folder).painted[0].image == str(folder / name)
    folder.rename(tmp_path / "q")
    assert load_project(tmp_path / "q").painted[0].image == str(tmp_path / "q" / name)


def test_names_that_are_no_paths_stay_as_given(tmp_path: Path) -> None:
    for name in ("s3://bucket/a.tif", "GTIFF_DIR:1:/data/a.tif", "NETCDF:a.nc:red", "C:\\a.tif", "/vsizip/a.zip/a.tif"):
        Project(tmp_path).with_strokes(name, stroke_file(tmp_path / "s.gpkg")).save()
        assert load_project(tmp_path).painted[0].image == name


def test_names_of_strokes_are_allowed_everywhere(tmp_path: Path) -> None:
    project = Project(tmp_path / "p")
    for name in ("con", "Aux", "a:b?"):
        path = tmp_path / f"{name}.geojson"
        path.write_text(f'"{name}"')
        project = project.with_strokes("a.tif", path)
    assert [each.strokes.name for each in project.painted] == ["con-2.geojson", "Aux-2.geojson", "a-b-.geojson"]
