"""Lessons that are changed: classes merged and split, names, what undo leaves, scenes that are gone, models deleted."""

import io
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from smalti.app.database import Database
from smalti.app.teaching import lessons, teacher
from smalti.app.teaching.live import LiveMap
from smalti.errors import RasterError
from smalti.lessons.project import load_project
from smalti.tiling import Tile
from tests.app.conftest import Serve, Server
from tests.app.lesson import Taught, begin, noisy
from tests.lessons.places import noisy_scene


@pytest.fixture
def lesson(server: Server) -> Taught:
    return begin(server, noisy(server))


def _kept(lesson: Taught) -> dict[str, dict[str, Any]]:
    """The classes as they are, ready to be sent again."""
    return {
        each["name"]: {"name": each["name"], "color": each["color"], "was": each["name"]}
        for each in lesson.now()["classes"]
    }


def _put(lesson: Taught, classes: list[dict[str, Any]]) -> dict[str, int]:
    """Sets the classes; the strokes of each."""
    answer = lesson.server.http.put(f"{lesson.path}/classes", json={"classes": classes})
    assert answer.is_success, answer.text
    return {each["name"]: each["strokes"] for each in answer.json()["classes"]}


def _painted(lesson: Taught) -> list[str]:
    return [each["class"] for each in lesson.server.http.get(lesson.strokes).json()["strokes"]]


def test_classes_are_merged_with_their_strokes(lesson: Taught) -> None:
    lesson.paint("road", [[20, 20], [60, 24]])
    lesson.paint("land", [[20, 60], [60, 64]])
    kept = _kept(lesson)
    gone = kept.pop("road")
    kept["land"] |= {"name": "ground", "merged": [gone["name"]]}
    counts = _put(lesson, list(kept.values()))
    assert counts["ground"] == 2 and "road" not in counts and "land" not in counts
    assert _painted(lesson) == ["ground", "ground"]
    assert load_project(lesson.folder).classes == {"ground": ["land", "road"]}
    assert lesson.post("/learn")["strokes"] == 2
    back = _kept(lesson)
    split = {**back.pop("ground"), "name": "land"}
    counts = _put(lesson, [*back.values(), split, {**split, "name": "road", "color": gone["color"]}])
    assert counts["land"] == 2 and counts["road"] == 0
    assert load_project(lesson.folder).classes == {"land": ["land", "road"], "road": ["land", "road"]}


def test_a_class_is_split_into_two_that_begin_alike(lesson: Taught) -> None:
    lesson.paint("building", [[20, 20], [60, 24]])
    kept = _kept(lesson)
    own = kept["building"]
    counts = _put(lesson, [*kept.values(), {**own, "name": "hall", "color": "#010203"}])
    assert counts["building"] == 1 and counts["hall"] == 0
    assert load_project(lesson.folder).classes == {"building": ["building"], "hall": ["building"]}
    lesson.paint("hall", [[120, 20], [160, 24]])
    assert lesson.post("/learn")["strokes"] == 2
    kept = _kept(lesson)
    hall = kept.pop("hall")
    kept["building"]["merged"] = [hall["name"]]
    assert _put(lesson, list(kept.values()))["building"] == 2
    assert load_project(lesson.folder).classes == {}


def test_classes_that_cannot_be_merged_or_split_are_refused(lesson: Taught) -> None:
    def refused(classes: list[dict[str, Any]]) -> str:
        return str(lesson.server.refused("PUT", f"{lesson.path}/classes", json={"classes": classes})["detail"])

    lesson.classes("noise")
    kept = _kept(lesson)
    both = {**kept["land"], "merged": ["road"]}
    assert "merged into another class and stays, too" in refused(list((kept | {"land": both}).values()))
    din = {**kept["noise"], "name": "din", "color": "#010203"}
    assert "nothing of the model's to split" in refused([*kept.values(), din])
    assert "not there any more" in refused([*list(kept.values())[1:], {**kept["land"], "merged": ["lawn"]}])
    one = {**kept["land"], "merged": [name for name in kept if name != "land"]}
    assert "expected 2 to 250" in refused([one])
    assert _kept(lesson) == kept


def test_a_new_class_may_have_the_name_that_a_class_of_the_model_had(lesson: Taught) -> None:
    lesson.classes(land="soil")
    kept = list(_kept(lesson).values())
    _put(lesson, [*kept, {"name": "land", "color": "#010203", "was": None}])
    lesson.paint("land", [[120, 20], [160, 24]])
    assert load_project(lesson.folder).classes == {"soil": ["land"], "land": []}
    assert lesson.post("/learn")["strokes"] == 1


def test_a_lesson_is_renamed(lesson: Taught) -> None:
    answer = lesson.server.http.patch(lesson.path, json={"name": "Roofs of Banepa"})
    assert answer.json()["name"] == lesson.now()["name"] == "Roofs of Banepa"
    assert lesson.server.refused("PATCH", lesson.path, json={"name": ""})["status"] == 422


@pytest.fixture
def full(lesson: Taught, monkeypatch: pytest.MonkeyPatch) -> Iterator[Taught]:
    """A lesson that was learned twice, while others take all places to learn in; its scene is one of two."""
    lesson.paint("road", [[20, 20], [60, 24]])
    lesson.post("/learn")
    lesson.paint("water", [[120, 20], [160, 24]])
    lesson.post("/learn")
    lesson.post("/scenes", scene=noisy(lesson.server, "other.tif", seed=1)["id"])
    monkeypatch.setattr(teacher, "_PATIENCE_S", 0.01)
    with lesson.server.services.teacher.slot(), lesson.server.services.teacher.slot():
        yield lesson


def test_what_is_to_be_sent_again_has_changed_nothing(full: Taught) -> None:
    server, before = full.server, full.now()
    road = {**_kept(full)["road"], "name": "lane"}
    classes = [*(each for name, each in _kept(full).items() if name != "road"), road]
    for method, path, body in (
        ("POST", "/undo", None), ("PUT", "/classes", {"classes": classes}), ("DELETE", f"/scenes/{full.scene}", None),
    ):  # fmt: skip
        refused = server.refused(method, full.path + path, json=body)
        assert refused["status"] == 429 and refused["todo"] == "send it again"
        assert full.now() == before and _painted(full) == ["road", "water"]


def test_strokes_are_not_changed_where_the_lesson_cannot_be_opened(full: Taught) -> None:
    server, before = full.server, full.server.http.get(full.strokes).json()
    server.services.teacher.forget(server.services.teachings.lessons.get("user", full.id))
    body = {"revision": before["revision"], "strokes": before["strokes"][:1]}
    stroke = {"class": "land", "line": [[20, 60], [60, 64]]}
    for method, sent in (("POST", stroke), ("PUT", body)):
        assert server.refused(method, full.strokes, json=sent)["status"] == 429
        assert full.now()["scenes"][0]["strokes"] == 2


def _undo(lesson: Taught, strokes: list[dict[str, Any]], number: int | None) -> None:
    """Puts strokes back, as Ctrl+Z does; they were there at the lesson of that number."""
    revision = lesson.server.http.get(lesson.strokes).json()["revision"]
    body = {"revision": revision, "strokes": strokes, "lesson": number}
    assert lesson.server.http.put(lesson.strokes, json=body).is_success


def test_undone_strokes_do_not_come_back_with_the_last_lesson(lesson: Taught) -> None:
    lesson.paint("road", [[20, 20], [60, 24]])
    lesson.post("/learn")
    two = lesson.paint("water", [[120, 20], [160, 24]])["strokes"]
    lesson.paint("land", [[120, 60], [160, 64]])
    assert lesson.post("/learn")["number"] == 2
    _undo(lesson, two, 1)
    assert lesson.post("/learn")["number"] == 2
    assert [step["number"] for step in lesson.now()["steps"]] == [1, 2]
    back = lesson.post("/undo")
    assert back["scenes"][0]["strokes"] == 1 and [step["number"] for step in back["steps"]] == [1]


def test_strokes_of_a_lesson_that_are_back_are_no_lesson_of_their_own(lesson: Taught) -> None:
    one = lesson.paint("road", [[20, 20], [60, 24]])["strokes"]
    first = lesson.post("/learn")
    lesson.paint("water", [[120, 20], [160, 24]])
    lesson.post("/learn")
    _undo(lesson, one, first["number"])
    assert lesson.post("/learn") == first and lesson.now()["steps"] == [first]
    _undo(lesson, [], 0)
    assert lesson.now()["steps"] == []
    body = {"revision": "", "strokes": [], "lesson": False}
    assert lesson.server.refused("PUT", lesson.strokes, json=body)["status"] == 422


def _tile(lesson: Taught, **query: Any) -> np.ndarray[Any, Any]:
    answer = lesson.server.http.get(f"{lesson.path}/scenes/{lesson.scene}/tiles/0/0/0.png", params=query)
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))[:192, :192]


@pytest.mark.slow
def test_the_model_as_it_was_is_shown_beside_the_taught_one(lesson: Taught) -> None:
    before = lesson.live()
    assert (_tile(lesson, before=True) == before).all()
    lesson.classes("noise")
    lesson.paint_all("land")
    lesson.post("/learn")
    taught = lesson.live()
    assert (taught != before).any() and (_tile(lesson, before=True) == before).all()


def test_the_first_view_says_how_far_it_is_and_what_is_wrong(lesson: Taught, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(live: LiveMap, tile: Tile) -> None:
        raise RasterError(f"{lesson.server.services.folders.scene(lesson.scene)}/noisy.tif: truncated; copy it again")

    path = f"{lesson.path}/scenes/{lesson.scene}/shown"
    with monkeypatch.context() as patch:
        patch.setattr(LiveMap, "_read", broken)
        for _ in range(200):
            shown = lesson.server.http.get(path).json()
            if shown["problem"]:
                break
            time.sleep(0.05)
        assert shown["problem"] == "noisy.tif: truncated; copy it again"
        assert shown["view"] == shown["unknown"] == shown["stale"] == 1
    lesson.live()
    shown = lesson.server.http.get(path).json()
    assert (shown["view"], shown["unknown"], shown["stale"], shown["problem"]) == (1, 0, 0, None)


@pytest.mark.slow
def test_a_scene_whose_file_is_gone_does_not_take_the_lesson_with_it(serve: Serve) -> None:
    server = serve()
    lesson = begin(server, noisy(server))
    lesson.paint("road", [[20, 20], [60, 24]])
    there = server.root / "there.tif"
    there.write_bytes((server.folder / "noisy.tif").read_bytes())
    other = server.http.post("/api/scenes", json={"path": str(there)}).json()["scenes"][0]["id"]
    lesson.post("/scenes", scene=other)
    Taught(server, lesson.id, other).paint("land", [[120, 20], [160, 24]])
    lesson.post("/learn")
    there.unlink()
    again = Taught(serve(), lesson.id, lesson.scene)
    assert [each["missing"] for each in again.now()["scenes"]] == [False, True]
    assert len(again.server.http.get("/api/lessons").json()) == 1
    assert _painted(again) == ["road"]
    shown = again.server.http.get(f"{again.path}/scenes/{again.scene}/shown").json()
    assert "there.tif" in shown["problem"]
    again.paint("water", [[20, 60], [60, 64]])
    assert "there.tif" in again.server.refused("POST", f"{again.path}/learn")["detail"]
    left = again.server.http.delete(f"{again.path}/scenes/{other}").json()
    assert [each["scene"] for each in left["scenes"]] == [again.scene] and left["steps"] == []
    assert again.post("/learn")["strokes"] == 2
    assert "only scene" in again.server.refused("DELETE", f"{again.path}/scenes/{again.scene}")["detail"]


def test_a_scene_that_is_removed_meanwhile_is_in_no_lesson(lesson: Taught, monkeypatch: pytest.MonkeyPatch) -> None:
    server = lesson.server
    plain = lessons.check_scene

    def removed(*given: Any) -> None:
        plain(*given)
        assert server.http.delete(f"/api/scenes/{gone['id']}").is_success

    monkeypatch.setattr(lessons, "check_scene", removed)
    for path in ("/api/lessons", f"{lesson.path}/scenes"):
        gone = noisy(server, "gone.tif")
        refused = server.refused("POST", path, json={"scene": gone["id"]})
        assert refused["status"] == 404 and "there is no scene" in refused["detail"]
    assert [each["id"] for each in server.http.get("/api/lessons").json()] == [lesson.id]
    assert list(lesson.folder.parent.iterdir()) == [lesson.folder]


def test_lessons_are_listed_beside_damaged_ones(lesson: Taught) -> None:
    server, bad = lesson.server, begin(lesson.server, {"id": lesson.scene})
    row = json.dumps([lesson.scene, "gone"])
    with Database(server.services.folders.database).change() as change:
        change.execute("UPDATE lessons SET scenes = ? WHERE id = ?", (row, lesson.id))
    (bad.folder / "teach.toml").write_text("model =")
    listed = {each["id"]: each["scenes"] for each in server.http.get("/api/lessons").json()}
    assert [each["missing"] for each in listed[lesson.id]] == [False, True]
    assert [each["missing"] for each in listed[bad.id]] == [True]
    assert "teach.toml" in server.refused("GET", bad.path)["detail"]
    left = server.http.delete(f"{lesson.path}/scenes/gone").json()
    assert [each["scene"] for each in left["scenes"]] == [lesson.scene]


def test_an_outdated_scene_leaves_its_strokes_to_the_one_that_replaces_it(server: Server) -> None:
    file = noisy_scene(server.root / "there.tif")
    old = server.http.post("/api/scenes", json={"path": str(file)}).json()["scenes"][0]
    lesson = begin(server, old)
    lesson.paint("road", [[20, 20], [60, 24]])
    lesson.post("/learn")
    os.utime(noisy_scene(file, seed=1), (1, 1))
    new = server.http.post("/api/scenes", json={"path": str(file)}).json()["scenes"][0]
    lesson.post("/scenes", scene=new["id"])
    left = server.http.delete(f"{lesson.path}/scenes/{old['id']}").json()
    assert [(each["scene"], each["strokes"]) for each in left["scenes"]] == [(new["id"], 1)]
    assert _painted(Taught(server, lesson.id, new["id"])) == ["road"] and len(left["steps"]) == 1


def test_saved_models_are_deleted_and_no_others(lesson: Taught, tmp_path: Path) -> None:
    server = lesson.server
    lesson.paint("road", [[20, 20], [60, 24]])
    lesson.paint("land", [[120, 20], [160, 24]])
    lesson.post("/model", name="mine")
    assert {each["name"]: each["own"] for each in server.http.get("/api/models").json()}["mine"]
    for name in ("landcover", "tiny"):
        assert "was not saved here" in server.refused("DELETE", f"/api/models/{name}")["detail"]
    assert server.refused("DELETE", "/api/models/yours")["status"] == 404
    job = server.start({"id": lesson.scene}, model="mine")
    assert "a job uses it" in server.refused("DELETE", "/api/models/mine")["detail"]
    server.http.post(f"/api/jobs/{job['id']}/cancel")
    child = begin(server, {"id": lesson.scene}, model="mine")
    assert "the lesson" in server.refused("DELETE", "/api/models/mine")["detail"]
    assert server.http.delete(child.path).status_code == 204
    assert server.http.delete("/api/models/mine").status_code == 204
    assert "mine" not in {each["name"] for each in server.http.get("/api/models").json()}
    assert not list((tmp_path / "data" / "models").glob("*/*"))
    assert (tmp_path / "models" / "tiny.onnx").exists()


def test_bands_of_a_scene_are_chosen_once_for_the_lesson(server: Server) -> None:
    five = noisy(server, "five.tif", bands=5)
    assert "bands do not fit" in server.refused("POST", "/api/lessons", json={"scene": five["id"]})["detail"]
    assert server.http.get("/api/lessons").json() == []
    lesson = begin(server, five, bands=[3, 2, 1])
    assert lesson.now()["scenes"] == [{"scene": five["id"], "strokes": 0, "missing": False, "bands": ["3", "2", "1"]}]
    lesson.paint("road", [[20, 20], [60, 24]])
    lesson.paint("land", [[120, 20], [160, 24]])
    assert lesson.post("/learn")["strokes"] == 2
    other = noisy(server, "other.tif", bands=5, seed=1)
    refused = server.refused("POST", f"{lesson.path}/scenes", json={"scene": other["id"]})
    assert "bands do not fit" in refused["detail"] and len(lesson.now()["scenes"]) == 1
    lesson.post("/scenes", scene=other["id"], bands=[1, 2, 4])
    Taught(server, lesson.id, other["id"]).paint("water", [[20, 20], [60, 24]])
    assert lesson.post("/learn")["scenes"] == 2
    back = lesson.post("/undo")
    assert [each["bands"] for each in back["scenes"]] == [["3", "2", "1"], ["1", "2", "4"]]
    lesson.post("/model", name="bands")
    job = server.mapped(five, model="bands", options={"bands": back["scenes"][0]["bands"]})
    assert job["state"] == "done"


def test_the_live_map_of_a_scene_that_is_added_again_takes_its_bands_of_now(server: Server) -> None:
    five, other = (noisy(server, f"{name}.tif", bands=5, seed=len(name)) for name in ("five", "other"))
    lesson = begin(server, five, bands=[1, 2, 3])
    lesson.post("/scenes", scene=other["id"], bands=[1, 2, 4])
    there = Taught(server, lesson.id, other["id"])
    there.live()
    path = f"{lesson.path}/scenes/{other['id']}"
    tag = server.http.get(f"{path}/tiles/0/0/0.png").headers["etag"]
    assert server.http.delete(path).is_success
    lesson.post("/scenes", scene=other["id"], bands=[3, 2, 1])
    there.live()
    assert server.http.get(f"{path}/tiles/0/0/0.png", headers={"If-None-Match": tag}).status_code == 200
    found = server.services.teachings.lessons.get("user", lesson.id)
    assert server.services.teacher.live(found, server.services.canvas("user", other["id"])).bands == ("3", "2", "1")
