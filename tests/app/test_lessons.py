"""Lessons by requests: strokes are kept at once, learned from, shown, undone, and saved as models."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import rasterio

import smalti as sm
from smalti.app.limits import Limits
from tests.app.conftest import Serve, Server
from tests.app.lesson import COLORS, Taught, begin, noisy
from tests.lessons.places import SIDE, noisy_scene


@pytest.fixture
def lesson(server: Server) -> Taught:
    return begin(server, noisy(server))


def _share(pixels: np.ndarray[Any, Any], color: str) -> float:
    wanted = [int(color[k : k + 2], 16) for k in (1, 3, 5)]
    return float((pixels[..., :3] == wanted).all(axis=-1).mean())


def test_the_model_is_shown_until_something_is_learned(lesson: Taught) -> None:
    before = lesson.live()
    assert (before[..., 3] == 255).all()
    colors = {each["color"] for each in lesson.now()["classes"]}
    assert sum(_share(before, color) for color in colors) == 1
    assert lesson.now()["steps"] == []


@pytest.mark.slow
def test_painted_classes_are_learned_and_shown(lesson: Taught) -> None:
    names = [each["name"] for each in lesson.classes("noise", water="smooth")["classes"]]
    assert "smooth" in names and "noise" in names and "water" not in names
    lesson.paint_all()
    step = lesson.post("/learn")
    assert step["learned"] and step["number"] == 1 and step["strokes"] == 12
    assert step["by_stroke"]["score"] > 0.9 and "12 strokes held out" in step["by_stroke"]["text"]
    assert step["by_place"]["says_little"]
    pixels = lesson.live()
    assert _share(pixels[:, : SIDE // 2 - 8], COLORS["noise"]) < 0.05
    assert _share(pixels[:, SIDE // 2 + 8 :], COLORS["noise"]) > 0.85
    assert lesson.post("/learn") == step  # nothing was painted since


def test_strokes_are_a_geopackage_on_the_disk_before_they_are_answered(lesson: Taught) -> None:
    found = lesson.paint("road", [[20, 20], [60, 24]], 10)
    assert found["revision"] and found["cell"] == 4 and [each["class"] for each in found["strokes"]] == ["road"]
    (file,) = (lesson.folder / "strokes").glob("*.gpkg")
    assert pyogrio.raw.read(file)[3][0].tolist() == ["road"]
    assert lesson.server.http.get(lesson.strokes).json() == found
    assert lesson.now()["scenes"] == [{"scene": lesson.scene, "strokes": 1, "missing": False, "bands": None}]


def test_a_later_stroke_replaces_others_below_it(lesson: Taught) -> None:
    lesson.paint("road", [[20, 50], [80, 50]], 8)
    both = lesson.paint("water", [[50, 20], [50, 80]], 8)["strokes"]
    assert [each["class"] for each in both] == ["road", "road", "water"]
    assert lesson.post("/learn")["notes"] == []
    again = lesson.paint("water", [[52, 20], [52, 80]], 8)["strokes"]
    assert [each["class"] for each in again] == ["road", "road", "water", "water"]


def test_a_stroke_that_is_sent_again_is_one(lesson: Taught) -> None:
    first = lesson.paint("road", [[20, 50], [80, 50]], 8)
    assert lesson.paint("road", [[20, 50], [80, 50]], 8) == first
    lesson.paint("water", [[50, 20], [50, 80]], 8)
    assert len(lesson.paint("road", [[20, 50], [80, 50]], 8)["strokes"]) == 5  # the pieces of both, and it


def test_the_eraser_cuts_strokes_and_undo_puts_them_back(lesson: Taught) -> None:
    before = lesson.paint("road", [[20, 50], [80, 50]], 8)
    erased = lesson.post(f"/scenes/{lesson.scene}/erase", line=[[50, 30], [50, 70]], size=10)
    assert len(erased["strokes"]) == 2 and erased["revision"] != before["revision"]
    body = {"revision": erased["revision"], "strokes": before["strokes"]}
    assert lesson.server.http.put(lesson.strokes, json=body).json()["revision"] == before["revision"]
    assert "changed elsewhere" in lesson.server.refused("PUT", lesson.strokes, json=body)["detail"]
    gone = lesson.post(f"/scenes/{lesson.scene}/erase", line=[[0, 50], [100, 50]], size=30)
    assert gone["strokes"] == [] and gone["revision"] == ""


@pytest.mark.slow
def test_the_model_is_shown_again_without_strokes(lesson: Taught) -> None:
    before = lesson.live()
    lesson.classes("noise", water="smooth")
    lesson.paint_all()
    lesson.post("/learn")
    assert (lesson.live() != before).any()
    lesson.post(f"/scenes/{lesson.scene}/erase", line=[[0, 96], [192, 96]], size=400)
    assert (lesson.live() == before).all()


def test_strokes_that_stay_are_not_computed_again(lesson: Taught) -> None:
    lesson.paint("land", [[20, 20], [60, 24]])
    lesson.post("/learn")
    desk = lesson.server.services.teacher.desk(lesson.server.services.teachings.lessons.get("user", lesson.id))
    keys = set(next(iter(desk._parts.values())).examples.strokes)
    lesson.paint("water", [[120, 20], [160, 24]])
    lesson.post("/learn")
    assert keys < set(next(iter(desk._parts.values())).examples.strokes)


def test_undo_takes_the_strokes_of_the_last_lesson_back(lesson: Taught) -> None:
    lesson.paint("road", [[20, 20], [60, 24]])
    lesson.post("/learn")
    lesson.paint("water", [[120, 20], [160, 24]])
    lesson.paint("water", [[120, 60], [160, 64]])
    assert lesson.post("/learn")["number"] == 2
    back = lesson.post("/undo")
    assert [step["number"] for step in back["steps"]] == [1] and back["scenes"][0]["strokes"] == 1
    assert lesson.post("/learn")["number"] == 1
    assert lesson.post("/undo")["scenes"][0]["strokes"] == 0
    assert "no lesson to undo" in lesson.server.refused("POST", f"{lesson.path}/undo")["detail"]


def test_nothing_waits_for_itself_when_all_strokes_are_gone(lesson: Taught) -> None:
    lesson.paint("road", [[20, 20], [60, 24]])
    lesson.post("/learn")
    lesson.post(f"/scenes/{lesson.scene}/erase", line=[[0, 20], [100, 20]], size=60)
    assert lesson.classes("noise")["scenes"][0]["strokes"] == 0
    assert "no strokes yet" in lesson.server.refused("POST", f"{lesson.path}/learn")["detail"]
    assert lesson.post("/undo")["steps"] == []


def test_a_lesson_whose_model_is_gone_is_listed(server: Server) -> None:
    lesson = begin(server, noisy(server))
    text = (lesson.folder / "teach.toml").read_text()
    (lesson.folder / "teach.toml").write_text(text.replace('"landcover"', '"/gone.onnx"'))
    assert [each["classes"] for each in server.http.get("/api/lessons").json()] == [[]]
    server.services.teacher.forget(server.services.teachings.lessons.get("user", lesson.id))
    assert "no such model file" in server.refused("GET", lesson.strokes)["detail"]


def test_a_class_is_renamed_with_its_strokes(lesson: Taught) -> None:
    lesson.classes("noise")
    lesson.paint("noise", [[120, 20], [160, 24]])
    lesson.paint("building", [[20, 20], [60, 24]])
    found = lesson.classes(noise="gravel", building="roof")["classes"]
    counts = {each["name"]: each["strokes"] for each in found}
    assert counts["gravel"] == counts["roof"] == 1 and "building" not in counts
    assert [each["class"] for each in lesson.server.http.get(lesson.strokes).json()["strokes"]] == ["gravel", "roof"]
    assert lesson.post("/learn")["strokes"] == 2


def test_contradicting_classes_are_refused_in_one_line(lesson: Taught) -> None:
    def refused(classes: list[dict[str, Any]]) -> str:
        found = lesson.server.refused("PUT", f"{lesson.path}/classes", json={"classes": classes})
        assert "\n" not in found["detail"]
        return str(found["detail"])

    kept = [{"name": each["name"], "color": each["color"], "was": each["name"]} for each in lesson.now()["classes"]]
    assert "is a class of the model and stays" in refused(kept[1:])
    assert "two classes have the name" in refused([*kept, {**kept[0], "was": None, "color": "#010203"}])
    assert "two classes have the colour" in refused([*kept, {**kept[0], "was": None, "name": "new"}])
    assert "cannot be the name" in refused([*kept, {"name": "ignore", "color": "#010203", "was": None}])
    lesson.classes("noise")
    lesson.paint("noise", [[120, 20], [160, 24]])
    assert "noise has 1 stroke; erase them first" in refused(kept)


def test_bad_strokes_are_refused_in_one_line(server: Server) -> None:
    lesson = begin(server, noisy(server, empty=60))

    def refused(status: int = 422, **body: Any) -> str:
        found = server.refused("POST", lesson.strokes, json={"class": "road", **body})
        assert found["status"] == status and "\n" not in found["detail"]
        return str(found["detail"])

    assert "outside of the scene" in refused(line=[[-500, 10], [-400, 10]])
    assert "without data" in refused(line=[[10, 10], [40, 10]])
    assert "either a line or a polygon" in refused()
    assert "no area" in refused(polygon={"type": "Polygon", "coordinates": [[[1, 1], [9, 9], [1, 1], [1, 1]]]})
    far = [[[1e300, 1], [9, 9], [1, 9], [1e300, 1]]]
    assert "far outside" in refused(polygon={"type": "Polygon", "coordinates": far})
    assert "valid number" in refused(line=[[False, 10]])
    assert "no class 'lawn'" in refused(404, **{"class": "lawn", "line": [[90, 10]]})
    assert "no strokes yet" in server.refused("POST", f"{lesson.path}/learn")["detail"]
    assert "does not belong" in server.refused("GET", lesson.strokes.replace(lesson.scene, "x"))["detail"]
    lesson.paint("road", [[90, 10], [150, 10]])
    assert lesson.post("/learn")["notes"][0].startswith("all strokes are road")


def test_models_and_scenes_that_do_not_fit_are_refused(server: Server) -> None:
    scene = noisy(server)
    found = server.refused("POST", "/api/lessons", json={"scene": scene["id"], "model": "tiny"})
    assert "no maps to learn from" in found["detail"]
    two = noisy(server, "two.tif", bands=2)
    lesson = begin(server, scene)
    assert "bands" in server.refused("POST", f"{lesson.path}/scenes", json={"scene": two["id"]})["detail"]
    assert "uses it" in server.refused("DELETE", f"/api/scenes/{scene['id']}")["detail"]
    assert server.http.delete(lesson.path).status_code == 204 and not lesson.folder.exists()
    assert server.http.delete(f"/api/scenes/{scene['id']}").status_code == 204


def test_lessons_are_bounded(serve: Serve) -> None:
    server = serve(limits=Limits(lessons=1, lesson_scenes=1))
    lesson = begin(server, noisy(server))
    other = noisy(server, "b.tif", seed=1)
    assert server.refused("POST", "/api/lessons", json={"scene": other["id"]})["status"] == 429
    assert server.refused("POST", f"{lesson.path}/scenes", json={"scene": other["id"]})["status"] == 429


@pytest.mark.slow
def test_the_saved_model_is_that_of_the_command_line_and_maps(lesson: Taught, tmp_path: Path) -> None:
    server = lesson.server
    lesson.classes("noise", water="smooth")
    lesson.paint_all()
    saved = lesson.post("/model", name="own")
    assert saved["name"] == "own" and "noise" in saved["tasks"][0]["labels"]
    assert COLORS["noise"] in saved["tasks"][0]["colors"]
    assert lesson.now()["steps"][-1]["model"] == "own"
    assert "own" in [model["name"] for model in server.http.get("/api/models").json()]
    content = server.http.get("/api/models/own/file").content
    project = shutil.copytree(lesson.folder, tmp_path / "project")
    assert sm.teach(project, tmp_path / "own.onnx").path.read_bytes() == content
    shutil.rmtree(project / "features")  # computed without the server's rounding
    again = sm.teach(project, tmp_path / "again.onnx")
    scene = noisy_scene(tmp_path / "other.tif", border=60, seed=1)
    one, other = (sm.predict(scene, path).classes for path in (tmp_path / "own.onnx", again.path))
    assert (one == other).mean() > 0.99
    job = server.mapped(server.upload(scene), model="own")
    with rasterio.open(tmp_path / "data" / "jobs" / job["id"] / "map.tif") as file:
        assert (file.read(1) == one).mean() > 0.99
    refused = server.refused("POST", f"{lesson.path}/model", json={"name": "own"})
    assert refused["status"] == 409 and "choose another name" in refused["detail"]


@pytest.mark.slow
def test_a_lesson_goes_on_with_the_strokes_of_all_its_scenes(lesson: Taught) -> None:
    lesson.classes("noise", water="smooth")
    lesson.paint_all()
    other = noisy(lesson.server, "b.tif", seed=2, border=60)
    assert len(lesson.post("/scenes", scene=other["id"])["scenes"]) == 2
    there = Taught(lesson.server, lesson.id, other["id"])
    there.paint("noise", [[120, 20], [160, 24]])
    step = lesson.post("/learn")
    assert (step["strokes"], step["scenes"]) == (13, 2)
    assert _share(there.live()[:, 90:], COLORS["noise"]) > 0.7


def test_the_next_places_to_look_lie_on_the_scene(lesson: Taught) -> None:
    found = lesson.server.http.get(f"{lesson.path}/scenes/{lesson.scene}/suggestions").json()
    assert [each["window"] for each in found] == [[0, 0, 128, 128]]
    assert 0 < found[0]["uncertain"] < 1


@pytest.mark.slow
def test_a_server_that_starts_again_shows_what_was_learned(lesson: Taught, serve: Serve) -> None:
    lesson.classes("noise", water="smooth")
    lesson.paint_all()
    lesson.post("/learn")
    before = lesson.live()
    again = Taught(serve(), lesson.id, lesson.scene)
    assert again.now() == lesson.now()
    assert (again.live() == before).all()
    again.paint("road", [[20, 100], [30, 100]])
    assert again.post("/learn")["number"] == 2


def test_a_new_class_is_in_the_project_while_it_has_strokes(lesson: Taught) -> None:
    def text() -> str:
        return (lesson.folder / "teach.toml").read_text()

    lesson.classes("noise")
    assert "[classes]" not in text()
    lesson.paint("building", [[20, 20], [60, 24]])
    lesson.paint("noise", [[120, 20], [160, 24]])
    assert '"noise" = []' in text() and '"building" = [' not in text()
    lesson.post(f"/scenes/{lesson.scene}/erase", line=[[100, 22], [180, 22]], size=60)
    assert "[classes]" not in text() and lesson.post("/learn")["strokes"] == 1


def test_strokes_that_would_take_minutes_to_draw_are_refused(lesson: Taught) -> None:
    """A crowded zigzag is painted in pieces, and what crosses itself thousands of times is refused."""
    dense = [[float(k % 2 * 150 + 20), 20 + k * 0.06] for k in range(2000)]
    assert len(lesson.paint("land", dense, 4)["strokes"]) == 1
    wild = np.random.default_rng(0).uniform(0, 190, (400, 2)).tolist()
    area = {"type": "Polygon", "coordinates": [[*wild, wild[0]]]}
    for body in ({"line": wild}, {"polygon": area}):
        answer = lesson.server.http.post(lesson.strokes, json={"class": "land", **body})
        assert answer.status_code == 422 and "crosses itself more than 1,000 times" in answer.text
    assert len(lesson.server.http.get(lesson.strokes).json()["strokes"]) == 1


def test_strokes_with_many_holes_and_corners_are_sent_and_put_back(lesson: Taught) -> None:
    turns = [20 + 12 * k for k in range(12)]
    rows = [[x, y] for k, y in enumerate(turns) for x in ((10, 180), (180, 10))[k % 2]]
    cols = [[x, y] for k, x in enumerate(turns) for y in ((180, 10), (10, 180))[k % 2]]
    found = lesson.paint("road", [*rows, *cols], 6)
    assert len(found["strokes"][0]["shape"]["coordinates"]) > 101
    assert lesson.server.http.get(lesson.strokes).json() == found
    waves = [[x, 4 * row + 6 + x % 4 / 2] for row in range(45) for x in range(10, 182, 2)[:: 1 - row % 2 * 2]]
    both = lesson.paint("road", waves, 1)
    assert sum(len(ring) for ring in both["strokes"][-1]["shape"]["coordinates"]) > 20_000
    none = lesson.post(f"/scenes/{lesson.scene}/erase", line=[[0, 96], [192, 96]], size=400)
    body = {"revision": none["revision"], "strokes": both["strokes"]}
    back = lesson.server.http.put(lesson.strokes, json=body).json()
    assert back.get("revision") == both["revision"], back
