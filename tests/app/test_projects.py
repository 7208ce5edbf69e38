"""The project of a lesson survives a kill at any moment: a change has happened as a whole or not at all."""

from pathlib import Path
from typing import Any

import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS

from smalti.app.teaching import projects
from smalti.app.teaching.projects import LessonProject, canvas_of
from smalti.app.teaching.strokes import Painted, added, brushed, erased
from smalti.raster.grid import Grid

GRID = Grid(200, 300, Affine(0.5, 0, 500000, 0, -0.5, 5000000), CRS.from_epsg(32631))
MODEL = ("land", "road")


class KilledError(BaseException):
    """The process ends here."""


@pytest.fixture
def project(tmp_path: Path) -> LessonProject:
    projects.Project(tmp_path / "lesson").save()
    return LessonProject(tmp_path / "lesson", lambda _: MODEL, list)


def _brush(col: float, row: float) -> Any:
    return brushed([[col, row], [col + 40, row]], 8)


def _paint(project: LessonProject, label: str, col: float, row: float) -> tuple[str, list[Painted]]:
    canvas = canvas_of("a1", Path("/scene.tif"), GRID)
    return project.change(canvas, lambda before: added(before, label, _brush(col, row)))


def test_strokes_come_back_as_they_were_written(project: LessonProject) -> None:
    revision, painted = _paint(project, "land", 20, 20)
    for k in range(3):
        revision, painted = _paint(project, "road", 20, 60 + 20 * k)
    again = project.strokes(canvas_of("a1", Path("/scene.tif"), GRID))
    assert again[0] == revision and [stroke.label for stroke in again[1]] == ["land", "road", "road", "road"]
    assert all(shapely.equals(a.shape, b.shape) for a, b in zip(painted, again[1], strict=True))


def test_a_kill_at_any_moment_loses_nothing(project: LessonProject, monkeypatch: pytest.MonkeyPatch) -> None:
    canvas = canvas_of("a1", Path("/scene.tif"), GRID)
    before = _paint(project, "land", 20, 20)[0]
    moments = 0
    for name in ("write_strokes", "deliver_project"):
        for late in (False, True):
            _die(monkeypatch, name, late)
            with pytest.raises(KilledError):
                _paint(project, "road", 20, 60)
            monkeypatch.undo()
            found = LessonProject(project.folder, lambda _: MODEL, list).strokes(canvas)
            kept = name == "deliver_project" and late
            assert (found[0] == before) != kept and len(found[1]) == 1 + kept
            moments += 1
    assert moments == 4 and len(_paint(project, "road", 20, 100)[1]) == 3


def _die(monkeypatch: pytest.MonkeyPatch, name: str, late: bool) -> None:
    """The process is killed before or after it writes a file of strokes, or the project's file."""
    plain = projects.write_strokes if name == "write_strokes" else projects.Project.save

    def killed(*given: Any) -> None:
        if late:
            plain(*given)
        raise KilledError

    if name == "write_strokes":
        monkeypatch.setattr(projects, "write_strokes", killed)
    else:
        monkeypatch.setattr(projects.Project, "save", killed)


def test_files_of_strokes_that_an_earlier_lesson_needs_stay(
    project: LessonProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projects, "_KEEP_S", -1)
    _paint(project, "land", 20, 20)
    text = project.now()[1]
    keeping = LessonProject(project.folder, lambda _: MODEL, lambda: [text])
    for k in range(3):
        _paint(keeping, "road", 20, 60 + 20 * k)
    assert len(list((project.folder / "strokes").glob("*.gpkg"))) == 2
    keeping.put_back(text)
    assert len(project.strokes(canvas_of("a1", Path("/scene.tif"), GRID))[1]) == 1


def test_the_eraser_leaves_pieces(project: LessonProject) -> None:
    strokes = _paint(project, "land", 20, 20)[1]
    pieces = erased(strokes, brushed([[40, 0], [40, 40]], 6))
    assert len(pieces) == 2 and all(piece.shape.geom_type == "Polygon" for piece in pieces)
    assert erased(strokes, brushed([[100, 100]], 6)) == strokes
