"""Polygons and pages of a finished map are not made again."""

import sqlite3
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import smalti as sm
from smalti.errors import BusyError, OutputError
from smalti.lock import hold
from smalti.mapping.once import made_once
from smalti.raster.mark import note, noted
from tests.tiny import tiny_model


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 80, 3), np.uint8)).save(tmp_path / "scene.png")
    tiny_model(tmp_path / "tiny.onnx")
    return tmp_path / "scene.png"


def mapped(scene: Path, out: Path, polygons: str = ".gpkg", report: bool = True) -> sm.MapResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sm.map(scene, out, model=scene.with_name("tiny.onnx"), polygons=out.with_suffix(polygons), report=report)


def test_polygons_and_pages_of_a_finished_map_are_kept(scene: Path, tmp_path: Path) -> None:
    first = mapped(scene, tmp_path / "map.tif")
    times = {path: path.stat().st_mtime_ns for path in first.paths}
    again = mapped(scene, tmp_path / "map.tif")
    assert again.polygon_count == first.polygon_count > 100
    assert times == {path: path.stat().st_mtime_ns for path in again.paths}
    mapped(scene, tmp_path / "map.tif", ".geojson", report=False)  # another file beside the first
    mapped(scene, tmp_path / "map.tif")
    assert times == {path: path.stat().st_mtime_ns for path in again.paths}


def test_what_was_removed_or_changed_is_made_again(scene: Path, tmp_path: Path) -> None:
    first = mapped(scene, tmp_path / "map.tif")
    assert first.polygons and first.page
    whole, page = first.polygons.read_bytes(), first.page.read_text()
    first.polygons.unlink()
    first.page.write_text(page + "<!-- mine -->")  # edited by the user
    mapped(scene, tmp_path / "map.tif")
    assert first.polygons.read_bytes() == whole and first.page.read_text().endswith("<!-- mine -->")
    first.page.unlink()
    first.path.unlink()  # the map is made again, and so is all that is made of it
    before = first.polygons.stat().st_mtime_ns
    mapped(scene, tmp_path / "map.tif")
    assert first.polygons.read_bytes() == whole and first.polygons.stat().st_mtime_ns > before
    assert first.page.exists()


def test_a_disk_that_is_full_before_the_first_polygon_is_one_line(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("smalti.polygons.file.GeoPackage", full)
    with pytest.raises(OutputError, match=r"map\.gpkg: the polygons cannot be written: disk I/O error"):
        mapped(scene, tmp_path / "map.tif")
    assert not list(tmp_path.glob("*unfinished*"))


@pytest.mark.parametrize("ending", [".gpkg", ".geojson", ".fgb", ".parquet"])
def test_the_same_polygons_have_the_same_bytes(scene: Path, tmp_path: Path, ending: str) -> None:
    pytest.importorskip("pyogrio")
    pytest.importorskip("pyarrow")
    found = [mapped(scene, tmp_path / name / "map.tif", ending, report=False).polygons for name in ("a", "b")]
    assert found[0] and found[1] and found[0].read_bytes() == found[1].read_bytes()


def test_other_wishes_make_the_file_again(tmp_path: Path) -> None:
    output, target = tmp_path / "map.tif", tmp_path / "zones & more.txt"
    (tmp_path / "map.tif.aux.xml").write_text('<PAMDataset><Metadata><MDI key="SMALTI_JOB">1</MDI></Metadata>')
    made: list[str] = []

    def make(text: str) -> int:
        made.append(text)
        target.write_text(text)
        return len(text)

    for text in ("one", "one", "three", "one"):
        assert made_once(output, target, f'{text} "<&>"', lambda text=text: make(text)) == len(text)
    assert made == ["one", "three", "one"]
    note(output, "other", "5")
    assert noted(output, "other") == "5" and noted(output, "nothing") is None
    assert made_once(output, target, 'one "<&>"', lambda: 0) == 3
    with hold(output), pytest.raises(BusyError):
        made_once(output, target, "", lambda: 0)
