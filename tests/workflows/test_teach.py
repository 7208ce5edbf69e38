"""A model is taught with strokes, and becomes a file of the user's own."""

import re
import shutil
import sqlite3
import subprocess
import sys
import warnings
import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import smalti as sm
from smalti.errors import (
    BusyError,
    DataError,
    DataWarning,
    LabelError,
    ModelError,
    OptionError,
    OutputError,
    RasterError,
    SmaltiError,
)
from smalti.lessons.examples import load_examples
from smalti.lock import hold
from smalti.runtime.models import verify
from tests.lessons.places import CLASSES, LINES, SIDE, noisy_scene, stroke_file
from tests.tiny import tiny_model


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene and strokes on it."""
    folder = tmp_path_factory.mktemp("place")
    noisy_scene(folder / "scene.tif")
    stroke_file(folder / "strokes.gpkg")
    return folder


@pytest.fixture(scope="module")
def taught(place: Path) -> sm.Taught:
    add = [(place / "scene.tif", place / "strokes.gpkg")]
    return sm.teach(place / "project", place / "own.onnx", add=add, classes=CLASSES)


def test_another_scene_is_mapped_as_taught(taught: sm.Taught, tmp_path: Path) -> None:
    assert taught.learned and taught.strokes == 12 and taught.classes == ("smooth", "noise")
    other = noisy_scene(tmp_path / "other.tif", border=60, seed=1)
    found = sm.predict(other, taught.path)
    truth = np.arange(SIDE) >= 60
    assert (found.classes == truth).mean() > 0.9


def test_the_card_states_its_origin(taught: sm.Taught) -> None:
    card = verify(taught.path).card
    assert card.name == "own" and card.class_task().labels == taught.classes
    assert card.origin.recipe.startswith("taught from landcover (sha256 ")
    assert "12 strokes on 1 scene" in card.origin.data[-1]
    assert [score.value for score in card.origin.scores] == [taught.by_stroke.score, taught.by_place.score]
    assert "five folds" in card.origin.scores[0].protocol


def test_the_score_is_of_strokes_held_out(taught: sm.Taught) -> None:
    assert taught.by_stroke.score > 0.9 > taught.by_stroke.parent
    assert taught.by_stroke.groups == 12 and not taught.by_stroke.says_little
    assert taught.by_place.groups == 1 and taught.by_place.says_little  # one square of 256 pixels
    assert 0.2 < taught.changed < 0.8 and "of the pixels change" in str(taught)
    assert "12 strokes held out: " in str(taught) and "(too little to say)" in str(taught)


def test_the_same_project_gives_the_same_model(taught: sm.Taught, place: Path, tmp_path: Path) -> None:
    again = sm.teach(place / "project", tmp_path / "own.onnx")
    assert again.path.read_bytes() == taught.path.read_bytes()


def test_only_new_strokes_are_computed(taught: sm.Taught, place: Path, tmp_path: Path) -> None:
    seen: list[sm.Progress] = []
    project = shutil.copytree(place / "project", tmp_path / "project")
    sm.teach(project, tmp_path / "own.onnx", progress=seen.append)
    assert seen == []
    noisy_scene(tmp_path / "b.tif", seed=2)
    add = [(tmp_path / "b.tif", stroke_file(tmp_path / "b.gpkg", LINES[4:8]))]
    more = sm.teach(project, tmp_path / "own.onnx", add=add, progress=seen.append)
    assert more.scenes == 2 and more.strokes == 16 and {each.title for each in seen} == {"b.tif (2 of 2)"}


@pytest.mark.filterwarnings("ignore::smalti.errors.UnlikeWarning")  # noise is
def test_strokes_that_the_model_maps_right_change_nothing(place: Path, tmp_path: Path) -> None:
    merged = {"dry": ["land", "building", "vegetation", "road"]}
    before = sm.predict(place / "scene.tif").classes
    boxes = {
        (row, col): before[row : row + 16, col : col + 16] for row in range(0, 176, 16) for col in range(0, 176, 16)
    }
    right = [(col + 4.0, row + 8.0, col + 12.0, row + 8.0, "water" if (box == 1).all() else "dry")
             for (row, col), box in boxes.items() if (box == 1).all() or (box != 1).all()]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # of a single class
        add = [(place / "scene.tif", stroke_file(tmp_path / "s.gpkg", right[:3]))]
        found = sm.teach(tmp_path / "p", tmp_path / "own.onnx", add=add, classes=merged)
    assert (
        not found.learned and found.changed == 0 and found.by_stroke.says_little and "stays as landcover" in str(found)
    )


def test_strokes_of_one_class_warn(place: Path, tmp_path: Path) -> None:
    strokes = stroke_file(tmp_path / "s.gpkg", [(*line[:4], "water") for line in LINES[:3]])
    with pytest.warns(DataWarning, match="all strokes are water; paint other classes too"):
        sm.teach(tmp_path / "p", tmp_path / "own.onnx", add=[(place / "scene.tif", strokes)])


def test_a_later_stroke_counts(place: Path, tmp_path: Path) -> None:
    lines = [*LINES, (*LINES[0][:4], "noise")]
    with pytest.warns(DataWarning, match=r"stroke 1 \(smooth\) and 13 \(noise\) cover the same pixels"):
        found = sm.teach(
            tmp_path / "p", tmp_path / "own.onnx", classes=CLASSES,
            add=[(place / "scene.tif", stroke_file(tmp_path / "s.gpkg", lines))],
        )  # fmt: skip
    assert found.strokes == 12


def test_polygons_points_and_rasters_are_strokes_too(place: Path, tmp_path: Path) -> None:
    import rasterio

    ids = np.full((SIDE, SIDE), 255, np.uint8)
    for col, row, _, _, name in LINES:
        ids[int(row) : int(row) + 8, int(col) : int(col) + 40] = name == "noise"
    with rasterio.open(place / "scene.tif") as scene:
        kind = scene.profile | {"count": 1, "nodata": 255}
    with rasterio.open(tmp_path / "strokes.tif", "w", **kind) as file:
        file.write(ids, 1)
    add = [(place / "scene.tif", tmp_path / "strokes.tif")]
    found = sm.teach(tmp_path / "p", tmp_path / "own.onnx", add=add, classes=CLASSES)
    assert found.strokes == 12 and found.by_stroke.score > 0.9


def test_killed_while_learning_loses_nothing(place: Path, tmp_path: Path) -> None:
    code = (
        "import os, signal, smalti as sm\n"
        f"add = [({str(place / 'scene.tif')!r}, {str(place / 'strokes.gpkg')!r})]\n"
        f"sm.teach('p', 'own.onnx', add=add, classes={CLASSES}, progress=lambda _: os.kill(os.getpid(), 9))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
    assert done.returncode not in (0, 1) and not (tmp_path / "own.onnx").exists()
    assert (tmp_path / "p" / "strokes" / "strokes.gpkg").read_bytes() == (place / "strokes.gpkg").read_bytes()
    assert sm.teach(tmp_path / "p", tmp_path / "own.onnx").strokes == 12


def test_killed_while_features_are_stored_loses_nothing(place: Path, tmp_path: Path) -> None:
    code = (
        "import os, numpy as np, smalti as sm\n"
        "def save(path, **_):\n"
        "    path.write_bytes(b'half')\n"
        "    os.kill(os.getpid(), 9)\n"
        "np.savez = save\n"
        f"add = [({str(place / 'scene.tif')!r}, {str(place / 'strokes.gpkg')!r})]\n"
        f"sm.teach('p', 'own.onnx', add=add, classes={CLASSES})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
    assert done.returncode not in (0, 1) and not (tmp_path / "own.onnx").exists()
    assert sm.teach(tmp_path / "p", tmp_path / "own.onnx").strokes == 12
    (stored,) = (tmp_path / "p" / "features").iterdir()  # what was left is removed
    assert load_examples(stored, "") is None and stored.suffix == ".npz"


def test_two_at_once_do_not_mix(taught: sm.Taught, place: Path, tmp_path: Path) -> None:
    project = shutil.copytree(place / "project", tmp_path / "project")
    with hold(project / "teach"), pytest.raises(BusyError, match="is already making it"):
        sm.teach(project, tmp_path / "own.onnx")
    assert sm.teach(project, tmp_path / "own.onnx").strokes == 12


def test_nothing_is_copied_before_all_is_valid(place: Path, tmp_path: Path) -> None:
    add = [(place / "scene.tif", place / "strokes.gpkg"), (place / "scene.tif", tmp_path / "none.gpkg")]
    with pytest.raises(LabelError, match="no such file"):
        sm.teach(tmp_path / "p", tmp_path / "own.onnx", add=add, classes=CLASSES)
    assert not (tmp_path / "p" / "strokes").exists()


def test_damaged_features_are_computed_again(place: Path, tmp_path: Path) -> None:
    add = [(place / "scene.tif", place / "strokes.gpkg")]
    first = sm.teach(tmp_path / "p", tmp_path / "own.onnx", add=add, classes=CLASSES).path.read_bytes()
    (stored,) = (tmp_path / "p" / "features").iterdir()
    stored.write_bytes(stored.read_bytes()[:5000])
    assert load_examples(stored, "") is None
    assert sm.teach(tmp_path / "p", tmp_path / "own.onnx").path.read_bytes() == first


def test_a_project_states_colors(taught: sm.Taught, place: Path, tmp_path: Path) -> None:
    project = shutil.copytree(place / "project", tmp_path / "project")
    with (project / "teach.toml").open("a") as file:
        file.write('[colors]\nnoise = "#102030"\n')
    sm.teach(project, tmp_path / "own.onnx", classes=CLASSES)
    assert verify(tmp_path / "own.onnx").card.class_task().colors[1] == (16, 32, 48)
    (project / "teach.toml").write_text('[colors]\nnoise = "red"\n')
    with pytest.raises(DataError, match=r"teach\.toml: colors\.noise: .*write it as #RRGGBB"):
        sm.teach(project, tmp_path / "own.onnx")


def _refused(tmp_path: Path, scene: Path, strokes: Path, **options: object) -> SmaltiError:
    with pytest.raises(SmaltiError) as refused:
        sm.teach(tmp_path / f"p{strokes.stem}", tmp_path / "own.onnx", add=[(scene, strokes)], **options)  # type: ignore[arg-type]
    assert "\n" not in str(refused.value) and not (tmp_path / "own.onnx").exists()
    return refused.value


def test_bad_strokes_are_refused_in_one_line(place: Path, tmp_path: Path) -> None:
    scene, far = place / "scene.tif", [(2000.0, 20.0, 2040.0, 20.0, "land")]
    error = _refused(tmp_path, scene, stroke_file(tmp_path / "far.gpkg", far))
    assert isinstance(error, LabelError) and "none of its 1 stroke lies on" in str(error)
    error = _refused(tmp_path, scene, stroke_file(tmp_path / "odd.gpkg", [(*LINES[0][:4], "lawn")]))
    assert isinstance(error, LabelError) and "add it as a new class: --class lawn=" in str(error)
    error = _refused(tmp_path, scene, tmp_path / "none.gpkg")
    assert isinstance(error, LabelError) and "no such file" in str(error)
    error = _refused(tmp_path, scene, place / "strokes.gpkg", classes=CLASSES | {"solar": []})
    assert isinstance(error, LabelError) and "solar has no strokes" in str(error)
    error = _refused(tmp_path, scene, Path("strokes.kml"))
    assert isinstance(error, LabelError) and "ogr2ogr" in str(error)


def test_strokes_on_no_data_are_refused(place: Path, tmp_path: Path) -> None:
    scene = noisy_scene(tmp_path / "empty.tif", empty=90)
    error = _refused(tmp_path, scene, stroke_file(tmp_path / "s.gpkg", [(*line[:4], "land") for line in LINES[:2]]))
    assert isinstance(error, LabelError) and "pixels without data" in str(error)


def test_strokes_on_no_data_are_counted(place: Path, tmp_path: Path) -> None:
    scene, holes = (
        noisy_scene(tmp_path / "empty.tif", empty=16),
        [(2.0, 9.0 + k, 9.0, 9.0 + k, "noise") for k in (0, 80)],
    )
    add = [(scene, stroke_file(tmp_path / "s.gpkg", [*LINES, *holes])), (scene, stroke_file(tmp_path / "t.gpkg"))]
    with pytest.warns(
        DataWarning, match=r"s\.gpkg: 2 of 14 strokes lie on pixels without data of .*empty\.tif"
    ) as heard:
        found = sm.teach(tmp_path / "p", tmp_path / "own.onnx", classes=CLASSES, add=add)
    assert found.strokes == 12 and len(heard) == 1
    with pytest.raises(
        LabelError, match=r"u\.gpkg: all of its 2 strokes lie on pixels without data .*; paint on the image"
    ):
        sm.teach(tmp_path / "p", tmp_path / "own.onnx", add=[(scene, stroke_file(tmp_path / "u.gpkg", holes))])
    assert not (tmp_path / "p" / "strokes" / "u.gpkg").exists()


def test_a_scene_of_other_bands_is_refused(place: Path, tmp_path: Path) -> None:
    error = _refused(tmp_path, noisy_scene(tmp_path / "two.tif", bands=2), place / "strokes.gpkg", classes=CLASSES)
    assert isinstance(error, RasterError) and "bands" in str(error)


def test_a_project_keeps_the_bands_of_a_scene(taught: sm.Taught, place: Path, tmp_path: Path) -> None:
    import rasterio

    with rasterio.open(place / "scene.tif") as plain:
        values, kind = plain.read(), plain.profile | {"count": 4, "photometric": "minisblack"}
    with rasterio.open(tmp_path / "four.tif", "w", **kind) as file:
        file.write(np.concatenate([values[:1] // 2 + 60, values[::-1]]))
    add = [(tmp_path / "four.tif", place / "strokes.gpkg")]
    with pytest.raises(RasterError, match="choose with --bands"):
        sm.teach(tmp_path / "p", tmp_path / "own.onnx", add=add, classes=CLASSES)
    found = sm.teach(tmp_path / "p", tmp_path / "own.onnx", add=add, classes=CLASSES, bands=[4, 3, 2])
    assert found.by_stroke == taught.by_stroke  # as of the same scene without the fourth band
    model = found.path.read_bytes()
    assert sm.teach(tmp_path / "p", tmp_path / "own.onnx").path.read_bytes() == model
    other = sm.teach(tmp_path / "p", tmp_path / "own.onnx", add=add, bands=["2", "3", "1"])
    assert other.strokes == 12 and other.path.read_bytes() != model
    with pytest.raises(OptionError, match=r"the bands 1,2,3 are of scenes .*; give --add too"):
        sm.teach(tmp_path / "p", tmp_path / "own.onnx", bands=[1, 2, 3])
    with pytest.raises(RasterError, match="2 bands chosen"):
        sm.teach(tmp_path / "p", tmp_path / "own.onnx", add=add, bands=[1, 2])
    assert (tmp_path / "p" / "teach.toml").read_text().count('four.tif" = ["2", "3", "1"]') == 1


def test_a_scene_that_was_moved_is_named(place: Path, tmp_path: Path) -> None:
    scene = Path(shutil.copy(place / "scene.tif", tmp_path / "scene.tif"))
    sm.teach(tmp_path / "p", tmp_path / "own.onnx", add=[(scene, place / "strokes.gpkg")], classes=CLASSES)
    scene.rename(tmp_path / "moved.tif")
    with pytest.raises(DataError, match=r"teach\.toml: its scene .*scene\.tif is not there any more; .* new path"):
        sm.teach(tmp_path / "p", tmp_path / "own.onnx")
    stated = (tmp_path / "p" / "teach.toml").read_text().replace("scene.tif", "moved.tif")
    (tmp_path / "p" / "teach.toml").write_text(stated)
    assert sm.teach(tmp_path / "p", tmp_path / "own.onnx").strokes == 12


def test_a_scene_in_an_archive_is_taught(place: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(place / "scene.tif", "scene.tif")
    scene = f"/vsizip/{tmp_path}/a.zip/scene.tif"
    for add in ([(scene, place / "strokes.gpkg")], []):
        assert sm.teach(tmp_path / "p", tmp_path / "own.onnx", add=add, classes=CLASSES).strokes == 12
        (tmp_path / "own.onnx").unlink()


def test_bad_options_are_refused(place: Path, tmp_path: Path) -> None:
    scene, strokes = place / "scene.tif", place / "strokes.gpkg"
    assert isinstance(_refused(tmp_path, scene, strokes, classes={"a": ["b"]}), OptionError)
    tiny = tiny_model(tmp_path / "tiny.onnx")
    error = _refused(tmp_path, scene, strokes, model=str(tiny), classes={"noise": [], "smooth": []})
    assert isinstance(error, ModelError) and "no maps to learn from" in str(error)
    with pytest.raises(DataError, match="has no strokes yet"):
        sm.teach(tmp_path / "nothing", tmp_path / "own.onnx")
    assert not (tmp_path / "nothing").exists()
    with pytest.raises(OptionError, match=r"does not end in \.onnx"):
        sm.teach(tmp_path / "nothing", tmp_path / "own.tif")
    (tmp_path / "mine.onnx").write_text("mine")
    with pytest.raises(OutputError, match="not an intact model"):
        sm.teach(tmp_path / "nothing", tmp_path / "mine.onnx")
    (tmp_path / "q").mkdir()
    (tmp_path / "q" / "teach.toml").write_text("modle = 1")
    with pytest.raises(DataError, match=r"teach\.toml: modle"):
        sm.teach(tmp_path / "q", tmp_path / "own.onnx")


def test_strokes_that_cannot_be_learned_from_are_not_in_the_project(place: Path, tmp_path: Path) -> None:
    scene, garbage = place / "scene.tif", tmp_path / "s.gpkg"
    garbage.write_bytes(b"no strokes" * 100)
    with pytest.raises(LabelError, match="cannot be read"):
        sm.teach(tmp_path / "p", tmp_path / "own.onnx", add=[(scene, garbage)], classes=CLASSES)
    stroke_file(tmp_path / "far.gpkg", [(2000.0, 20.0, 2040.0, 20.0, "noise")])
    with pytest.raises(LabelError, match="none of its 1 stroke"):
        sm.teach(tmp_path / "p", tmp_path / "own.onnx", add=[(scene, tmp_path / "far.gpkg")], classes=CLASSES)
    add = [(scene, place / "strokes.gpkg")]
    assert sm.teach(tmp_path / "p", tmp_path / "own.onnx", add=add, classes=CLASSES).strokes == 12


def test_strokes_in_the_journal_of_a_geopackage_are_learned(place: Path, tmp_path: Path) -> None:
    """QGIS keeps what was saved in a journal as long as the layer is open."""
    strokes = stroke_file(tmp_path / "s.gpkg")
    with closing(sqlite3.connect(strokes)) as file:
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("PRAGMA wal_autocheckpoint = 0")
        names = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for name in names:  # they call functions that only GDAL has
            file.execute(f'DROP TRIGGER "{name}"')
        file.execute("DELETE FROM s WHERE fid = 12")
        file.commit()
        done = sm.teach(tmp_path / "p", tmp_path / "own.onnx", add=[(place / "scene.tif", strokes)], classes=CLASSES)
    assert done.strokes == 11
    assert [file.name for file in (tmp_path / "p" / "strokes").iterdir()] == ["s.gpkg"]


@pytest.mark.parametrize("entry", ["{0}/strokes.gpkg", "../strokes.gpkg", ""])
def test_a_project_has_its_own_strokes(place: Path, tmp_path: Path, entry: str) -> None:
    (tmp_path / "teach.toml").write_text(f'[[scenes]]\nimage = "a.tif"\nstrokes = "{entry.format(place.as_posix())}"\n')
    with pytest.raises(DataError, match=r"lie outside of the project; .* --add SCENE"):
        sm.teach(tmp_path, tmp_path / "own.onnx", add=[(place / "scene.tif", place / "strokes.gpkg")])


def test_project_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    for text, error in (("a = " + "[" * 20_000, "no valid TOML"), (f'model = "{"a" * 5000}"', "no model is named")):
        (tmp_path / "teach.toml").write_text(text)
        with pytest.raises(SmaltiError, match=error):
            sm.teach(tmp_path, tmp_path / "own.onnx")


def test_the_parent_is_not_replaced(taught: sm.Taught, place: Path, tmp_path: Path) -> None:
    own = Path(shutil.copy(taught.path, tmp_path / "own.onnx"))
    before = own.read_bytes()
    with pytest.raises(OutputError, match="starts from"):
        sm.teach(tmp_path / "p", own, add=[(place / "scene.tif", place / "strokes.gpkg")], model=str(own))
    assert own.read_bytes() == before and not (tmp_path / "p" / "teach.toml").exists()


def test_other_attributes_and_layers_are_named(place: Path, tmp_path: Path) -> None:
    import pyogrio
    import shapely

    line = shapely.to_wkb(np.array([shapely.LineString([(500010, 4999990), (500020, 4999990)])], object))
    file, kind = tmp_path / "s.gpkg", {"geometry_type": "LineString", "crs": "EPSG:32632"}
    for layer, error in (
        ("one", r"attributes kind; expected one layer .* attribute `class`"),
        ("two", "layers one, two; expected one"),
    ):
        pyogrio.raw.write(
            file, line, [np.array(["noise"], object)], ["kind"], layer=layer, append=file.exists(), **kind
        )
        assert isinstance(refused := _refused(tmp_path, place / "scene.tif", file), LabelError)
        assert re.search(error, str(refused)) and "burn" not in str(refused) and "give" not in str(refused)


def test_strokes_that_are_left_on_no_data_are_refused(place: Path, tmp_path: Path) -> None:
    scene, nothing = noisy_scene(tmp_path / "empty.tif", empty=40), (10.0, 10.0, 30.0, 10.0, "noise")
    strokes = stroke_file(tmp_path / "s.gpkg", [*LINES, nothing])
    with pytest.warns(DataWarning, match="1 of 13 strokes lies on pixels without data"):
        sm.teach(tmp_path / "p", tmp_path / "own.onnx", classes=CLASSES, add=[(scene, strokes)])
    (tmp_path / "p" / "strokes" / "s.gpkg").unlink()
    stroke_file(tmp_path / "p" / "strokes" / "s.gpkg", [nothing])
    with pytest.raises(LabelError, match="pixels without data"):
        sm.teach(tmp_path / "p", tmp_path / "own.onnx")
