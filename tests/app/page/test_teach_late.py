"""Answers that come late in a lesson: what was typed stays, and what is shown meanwhile is neither closed nor mixed."""

from pathlib import Path
from typing import Any

import pytest

from tests.app.page.app_page import AppPage
from tests.app.page.serving import Server, call
from tests.app.page.teaching import Held, begin, saved, says, stroke
from tests.lessons.places import noisy_scene

pytestmark = pytest.mark.slow


@pytest.fixture
def app(open_page: Any, tmp_path: Path) -> AppPage:
    """A lesson in the page, whose console must stay silent."""
    app: AppPage = open_page()
    app.drop(noisy_scene(tmp_path / "late.tif", seed=11))
    app.painted()
    begin(app)
    return app


def _lesson(server: Server) -> Any:
    return call(server, "lessons")[0]


def _strokes(server: Server) -> str:
    """Where the strokes of the newest lesson are."""
    lesson = _lesson(server)
    return f"lessons/{lesson['id']}/scenes/{lesson['scenes'][0]['scene']}/strokes"


def _reopen(app: AppPage) -> None:
    """Opens the newest lesson again, from the list."""
    app.page.locator("#panel-teach .item .name").first.click()
    app.page.wait_for_selector("[data-key=Close]")
    saved(app)


def _scene(app: AppPage, name: str) -> None:
    """Shows another scene."""
    app.tab("scene")
    app.page.click(f"#panel-scene .name:has-text('{name}')")
    app.page.wait_for_selector(f"#title:has-text('{name}')")


def test_what_is_typed_stays_while_a_lesson_is_learned(app: AppPage) -> None:
    learn = Held(app, "**/learn")
    stroke(app, 0.4, 0.4)
    learn.asked()
    app.page.click("[data-key=rename-lesson]")
    app.page.fill("[data-key=lesson-name]", "Roofs")
    app.page.fill("[data-key=model-name]", "mine")
    app.page.click("[data-key=add-class]")
    app.page.fill("[data-key=class-color]", "#102030")
    app.page.fill("[data-key=class-name]", "solr")
    app.page.keyboard.press("ArrowLeft")
    app.page.locator("label:has([data-key=tool-eraser])").click()
    app.page.focus("[data-key=class-name]")
    learn.release()
    says(app, "1 stroke held out")
    app.page.keyboard.type("a")
    typed = {key: app.page.input_value(f"[data-key={key}]") for key in ("lesson-name", "class-name", "class-color")}
    assert typed == {"lesson-name": "Roofs", "class-name": "solar", "class-color": "#102030"}
    app.page.locator("[data-key=model-name]").press("ArrowLeft")
    learn = Held(app, "**/learn")
    app.page.locator("label:has([data-key=tool-brush])").click()
    stroke(app, 0.4, 0.6)
    learn.asked()
    app.page.focus("[data-key=model-name]")
    app.page.keyboard.press("Home")
    learn.release()
    says(app, "2 strokes held out")
    app.page.keyboard.type("g")
    assert app.page.input_value("[data-key=model-name]") == "gmine"
    app.page.click("[data-key=lesson-save]")
    app.page.wait_for_selector("#panel-teach h2:has-text('Roofs')")
    app.page.click("[data-key=class-save]")
    app.page.wait_for_selector("[data-key='paint solar']:checked")
    saved(app)


def test_open_details_and_questions_stay_while_a_lesson_is_learned(app: AppPage, server: Server) -> None:
    learn = Held(app, "**/learn")
    stroke(app, 0.4, 0.4)
    learn.asked()
    app.page.click("[data-key='edit road']")
    app.page.click("[data-key=class-more]")
    app.page.select_option("[data-key=merge-into]", "water")
    app.page.fill("[data-key=split-second]", "path")
    app.page.click("[data-key=remove-lesson]")
    learn.release()
    says(app, "1 stroke held out")
    app.page.locator("#map").focus()
    app.page.keyboard.press("2")
    assert app.page.is_checked("[data-key='paint water']")
    assert app.page.locator("[data-key='merge-into']").is_visible()
    assert app.page.input_value("[data-key=merge-into]") == "water"
    assert app.page.input_value("[data-key=split-second]") == "path"
    assert app.page.inner_text("[data-key=remove-lesson]") == "Remove for good?"
    app.page.click("[data-key=Close]")
    _reopen(app)
    assert app.page.inner_text("[data-key=remove-lesson]") == "Remove"
    assert len(_lesson(server)["steps"]) == 1


def test_the_width_is_dragged(app: AppPage) -> None:
    slider = app.page.locator("[data-key=size]")
    slider.fill("0")
    box = slider.bounding_box()
    app.page.mouse.move(box["x"] + 8, box["y"] + box["height"] / 2)
    app.page.mouse.down()
    app.page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2, steps=20)
    app.page.mouse.up()
    assert slider.input_value() == "100"
    assert slider.get_attribute("aria-valuetext") == "32 pixels"
    says(app, "Width: 32 pixels")
    slider.fill("0")
    for _ in range(20):
        slider.press("ArrowRight")
    says(app, "Width: 2 pixels")
    app.page.locator("#map").focus()
    app.page.keyboard.press("]")
    says(app, "Width: 3 pixels")
    app.page.keyboard.press("h")
    slider.wait_for(state="hidden")


def test_answers_for_a_lesson_that_was_closed_leave_it_closed(app: AppPage, server: Server) -> None:
    stroke(app, 0.4, 0.4)
    saved(app)

    def rename() -> None:
        app.page.click("[data-key=rename-lesson]")
        app.page.fill("[data-key=lesson-name]", "Later")
        app.page.click("[data-key=lesson-save]")

    def add() -> None:
        app.page.click("[data-key=add-class]")
        app.page.fill("[data-key=class-name]", "late")
        app.page.click("[data-key=class-save]")

    for pattern, method, act in (
        ("**/api/lessons/*", "PATCH", rename),
        ("**/classes", "PUT", add),
        ("**/undo", "POST", lambda: app.page.click("#undo-lesson")),
        ("**/model", "POST", lambda: app.page.click("#map-all")),
    ):
        held = Held(app, pattern, method)
        act()
        held.asked()
        app.page.click("[data-key=Close]")
        app.page.wait_for_selector("#begin")
        held.answered()
        app.page.wait_for_timeout(300)
        assert app.page.locator("#begin").is_visible(), pattern
        assert app.page.locator("#panel-teach .problem:visible").count() == 0
        _reopen(app)
        if pattern == "**/undo":
            stroke(app, 0.4, 0.4)
            saved(app)
    app.page.wait_for_selector("#panel-teach h2:has-text('Later')")
    assert app.page.locator("[data-key='paint late']").count() == 1
    assert app.page.locator("[data-key=lesson-name], [data-key=class-name]").count() == 0


def test_a_map_is_of_the_scene_where_it_was_asked_for(app: AppPage, server: Server, tmp_path: Path) -> None:
    app.drop(noisy_scene(tmp_path / "elsewhere.tif", seed=12))
    app.page.wait_for_selector("#title:has-text('elsewhere.tif')")
    app.tab("teach")
    _reopen(app)  # on both scenes
    stroke(app, 0.4, 0.4)
    saved(app)
    before = len(call(server, "jobs"))
    model = Held(app, "**/model")
    app.page.click("#map-all")
    model.asked()
    _scene(app, "late.tif")
    model.answered()
    while len(call(server, "jobs")) == before:
        app.page.wait_for_timeout(50)
    [scene] = [known["id"] for known in call(server, "scenes") if known["name"] == "elsewhere.tif"]
    jobs = call(server, "jobs")
    assert [job["scene"] for job in jobs if job["kind"] == "map"].count(scene) == 1 and len(jobs) == before + 1
    assert app.page.get_attribute("#tab-map", "aria-selected") == "true"


def test_begin_is_pressed_once_and_the_chosen_model_stays(open_page: Any, server: Server, tmp_path: Path) -> None:
    app = open_page()
    app.drop(noisy_scene(tmp_path / "once.tif", seed=13))
    app.painted()
    app.tab("teach")
    app.page.wait_for_selector("#begin")
    names = app.page.locator("#teach-model option").all_inner_texts()
    other = next(name for name in names if name != "landcover")
    app.page.select_option("#teach-model", other)

    def listed() -> None:
        """The list of lessons comes again."""
        app.tab("scene")
        with app.page.expect_response(lambda answer: answer.url.endswith("/api/lessons")):
            app.tab("teach")
        app.page.wait_for_timeout(50)

    listed()
    assert app.page.input_value("#teach-model") == other
    app.page.select_option("#teach-model", "landcover")
    before = len(call(server, "lessons"))
    held = Held(app, "**/api/lessons", "POST")
    app.page.click("#begin")
    held.asked()
    listed()
    assert app.page.is_disabled("#begin") and app.page.get_attribute("#begin", "aria-busy") == "true"
    held.release()
    says(app, "Nothing is painted yet.")
    assert len(call(server, "lessons")) == before + 1


def test_a_lesson_that_comes_for_another_scene_is_not_opened(app: AppPage, tmp_path: Path) -> None:
    app.page.click("[data-key=Close]")
    app.drop(noisy_scene(tmp_path / "second.tif", seed=14))
    app.page.wait_for_selector("#title:has-text('second.tif')")
    app.tab("teach")
    for pattern, button in (("**/api/lessons", "#begin"), ("**/scenes", ".item .name")):
        held = Held(app, pattern, "POST")
        app.page.locator(f"#panel-teach {button}").last.click()
        held.asked()
        _scene(app, "late.tif")
        held.answered()
        app.page.wait_for_timeout(300)
        app.tab("teach")
        app.page.wait_for_selector("#begin:enabled")
        assert app.page.locator("[data-key=Close]").count() == 0
        _scene(app, "second.tif")
        app.tab("teach")


def test_places_of_a_lesson_that_was_closed_do_not_move_the_view(app: AppPage) -> None:
    held = Held(app, "**/suggestions")
    app.page.click("#next-place")
    held.asked()
    assert app.page.get_attribute("#next-place", "aria-busy") == "true"
    app.page.click("[data-key=Close]")
    app.page.wait_for_selector("#begin")
    app.painted()
    before = app.pixels()
    held.answered()
    app.page.wait_for_timeout(300)
    app.painted()
    assert (app.pixels() == before).all()
    _reopen(app)
    app.page.click("#next-place")
    says(app, "Place 1 of")


def test_a_scene_that_comes_ends_the_stroke_that_is_drawn(app: AppPage, server: Server, tmp_path: Path) -> None:
    box = app.page.locator("#map").bounding_box()
    x, y = box["x"] + 0.4 * box["width"], box["y"] + 0.4 * box["height"]
    app.page.mouse.move(x, y)
    app.page.mouse.down()
    app.page.mouse.move(x + 20, y, steps=3)
    app.drop(noisy_scene(tmp_path / "meanwhile.tif", seed=15))
    app.page.wait_for_selector("#title:has-text('meanwhile.tif')")
    app.page.mouse.move(x + 40, y, steps=3)
    app.page.mouse.up()
    app.painted()
    assert call(server, _strokes(server))["strokes"] == []


def test_nothing_is_asked_about_a_lesson_that_is_being_removed(open_page: Any, tmp_path: Path) -> None:
    app = open_page(clock=True)
    app.drop(noisy_scene(tmp_path / "removed.tif", seed=17))
    app.painted()
    begin(app)
    held = Held(app, "**/api/lessons/*", "DELETE")
    app.page.click("[data-key=remove-lesson]")
    app.page.click("[data-key=remove-lesson]")
    held.asked()
    asked: list[str] = []
    app.page.on("request", lambda request: "/shown" in request.url and asked.append(request.url))
    app.page.clock.fast_forward(6000)
    app.page.wait_for_timeout(300)
    assert asked == []
    held.answered()
    app.page.wait_for_selector("#begin")
    assert "another window" not in app.page.inner_text("#panel-teach")


def test_the_page_is_busy_until_the_live_map_is_known_to_follow(app: AppPage) -> None:
    held = Held(app, "**/shown?*")
    stroke(app, 0.4, 0.4)
    says(app, "1 stroke held out")
    app.page.wait_for_timeout(200)
    assert app.page.get_attribute("#panel-teach", "data-state") == "busy"
    held.release()
    saved(app)


def test_strokes_of_another_window_do_not_replace_newer_ones(app: AppPage, server: Server) -> None:
    kept: list[Any] = []
    app.page.route(
        "**/strokes",
        lambda route: kept.append((route, route.fetch())) if route.request.method == "GET" else route.continue_(),
    )
    call(server, _strokes(server), {"class": "water", "line": [[40, 40], [60, 40]], "size": 8})
    while not kept:
        app.page.wait_for_timeout(50)
    stroke(app, 0.4, 0.6)
    app.page.wait_for_selector("[data-key=Undo]:enabled")
    says(app, "2 strokes held out")
    route, answer = kept[0]
    route.fulfill(response=answer)
    app.page.wait_for_timeout(300)
    assert app.page.is_enabled("[data-key=Undo]")


def test_strokes_that_were_not_learned_are_learned_when_the_lesson_is_opened_again(
    app: AppPage, server: Server
) -> None:
    held = Held(app, "**/strokes", "POST")
    stroke(app, 0.4, 0.4)
    held.asked()
    app.page.click("[data-key=Close]")
    app.page.wait_for_selector("#panel-teach .item .name")
    held.answered()
    assert len(call(server, _strokes(server))["strokes"]) == 1 and _lesson(server)["steps"] == []
    _reopen(app)
    says(app, "1 stroke held out")
    saved(app)
    app.page.click("[data-key='edit road']")
    app.page.fill("[data-key=class-name]", "lane")
    app.page.click("[data-key=class-save]")
    app.page.wait_for_selector("[data-key='paint lane']")
    saved(app)
    app.page.click("[data-key=Close]")
    _reopen(app)
    saved(app)
    assert len(_lesson(server)["steps"]) == 1


def test_a_lesson_is_closed_while_the_server_is_away(open_page: Any, tmp_path: Path) -> None:
    app = open_page(allowed=("Failed to load resource: net::ERR_",))
    app.drop(noisy_scene(tmp_path / "away.tif", seed=16))
    app.painted()
    begin(app)
    app.page.route("**/api/lessons", lambda route: route.abort())
    app.page.click("[data-key=Close]")
    app.page.wait_for_selector("#panel-teach .problem:has-text('The server does not answer')")
