"""What the page shows while a lesson goes on: progress, polygons, what is undone, other windows, small screens."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.app.page.app_page import AppPage
from tests.app.page.serving import Server, call
from tests.app.page.teaching import Held, begin, click, saved, says, stroke
from tests.lessons.places import noisy_scene

pytestmark = pytest.mark.slow
SMALL = """(part) => [...part.querySelectorAll("button, select, input, summary, label.paint, label.check")]
  .filter((node) => node.offsetParent)
  .filter((node) => !(node.matches("input") && node.closest("label.paint, label.check, .segments")))
  .filter((node) => node.getBoundingClientRect().height < 44).map((node) => node.outerHTML)"""
"""Controls that are too low for a finger."""
Begun = tuple[AppPage, Callable[[], list[str]]]


@pytest.fixture
def begun(open_page: Any, server: Server, tmp_path: Path) -> Begun:
    """A lesson in the page, and what gives the classes of its strokes when all is done."""
    app = open_page()
    app.drop(noisy_scene(tmp_path / "work.tif", seed=5))
    app.painted()
    begin(app)

    def strokes() -> list[str]:
        saved(app)
        lesson = call(server, "lessons")[0]
        path = f"lessons/{lesson['id']}/scenes/{lesson['scenes'][0]['scene']}/strokes"
        return [each["class"] for each in call(server, path)["strokes"]]

    return app, strokes


def _shown(app: AppPage, **more: Any) -> None:
    """Answers how far the live map is in the server's place."""
    state = {"version": 1, "stale": 6, "left": 6, "tiles": 6, "view": 6, "unknown": 4, "problem": None}
    state |= {"revision": "", "lesson": 0}
    body = json.dumps(state | more)
    app.page.route("**/shown?*", lambda route: route.fulfill(status=200, content_type="application/json", body=body))


def test_the_first_view_shows_how_far_it_is_and_what_hinders_it(begun: Begun) -> None:
    app, _ = begun
    waiting = app.page.locator("#waiting")
    assert waiting.is_hidden()
    _shown(app)
    app.page.click(".fit")
    waiting.get_by_text("Computing the features of 6 tiles in view, 2 done").wait_for()
    says(app, "computing the features of 6 tiles, 2 done")
    assert waiting.locator("progress").get_attribute("value") == "2"
    app.page.unroute("**/shown?*")
    _shown(app, problem="work.tif: truncated; copy it again")
    waiting.get_by_text("work.tif: truncated; copy it again").wait_for()
    app.page.unroute("**/shown?*")
    waiting.wait_for(state="hidden")
    saved(app)


def test_ctrl_z_takes_back_a_corner_before_a_stroke(begun: Begun) -> None:
    app, strokes = begun
    stroke(app, 0.4, 0.4)
    assert strokes() == ["land"]
    app.page.keyboard.press("p")
    app.page.keyboard.press("2")
    for left, top in ((0.5, 0.5), (0.6, 0.5), (0.8, 0.9)):
        click(app, left, top)
    app.page.keyboard.press("Control+z")
    click(app, 0.6, 0.6)
    click(app, 0.5, 0.6, 2)
    assert strokes() == ["land", "water"]
    for _ in range(2):
        click(app, 0.5, 0.7)
        app.page.keyboard.press("Control+z")  # the only corner: nothing is begun any more
        assert strokes() == ["land", "water"]
    app.page.keyboard.press("Control+z")
    assert strokes() == ["land"]


def test_polygons_are_drawn_by_keys(begun: Begun) -> None:
    app, strokes = begun
    app.page.keyboard.press("p")
    app.page.locator("#map").focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft"):
        app.page.keyboard.press("Enter")
        place = app.page.locator("#readout").inner_text()
        app.page.keyboard.press(key)
        app.page.wait_for_function("(was) => document.querySelector('#readout').innerText !== was", arg=place)
    app.page.keyboard.press("Enter")
    app.page.keyboard.press("Backspace")
    assert strokes() == []
    app.page.keyboard.press("Enter")
    app.page.keyboard.press("Enter")
    assert strokes() == ["land"]
    app.page.keyboard.press("Enter")
    app.page.keyboard.press("Escape")
    app.page.keyboard.press("Control+z")
    assert strokes() == []


def test_undo_lesson_brings_nothing_back_that_was_undone(begun: Begun) -> None:
    app, strokes = begun
    stroke(app, 0.4, 0.3)
    assert strokes() == ["land"]
    app.page.keyboard.press("2")
    stroke(app, 0.55, 0.3)
    stroke(app, 0.55, 0.5)
    assert strokes() == ["land", "water", "water"]
    app.page.keyboard.press("Control+z")
    app.page.keyboard.press("Control+z")
    assert strokes() == ["land"]
    app.page.click("#undo-lesson")
    app.page.wait_for_selector("#undo-lesson[disabled]")
    assert strokes() == []


def test_what_lies_beside_the_scene_is_refused_without_asking(begun: Begun) -> None:
    app, strokes = begun
    asked: list[str] = []
    app.page.on("request", lambda request: request.method == "POST" and asked.append(request.url))
    stroke(app, 0.01, 0.1, 2)
    says(app, "lies outside of the scene")
    assert asked == [] and strokes() == []


def test_two_windows_show_the_same_strokes(begun: Begun, open_page: Any, server: Server) -> None:
    app, strokes = begun
    other = open_page("#" + app.page.url.partition("#")[2])
    saved(other)
    stroke(app, 0.4, 0.4)
    assert strokes() == ["land"]
    other.page.wait_for_selector("[data-key='paint land'] ~ span:has-text('1')")
    other.page.keyboard.press("2")
    stroke(other, 0.6, 0.4)
    says(app, "2 strokes held out")
    assert strokes() == ["land", "water"]
    assert app.page.locator("[data-key=Undo]").is_disabled()
    other.page.keyboard.press("Control+z")
    saved(other)
    assert strokes() == ["land"]


def test_a_lesson_that_was_removed_elsewhere_is_left(open_page: Any, server: Server, tmp_path: Path) -> None:
    app = open_page(allowed=("Failed to load resource: the server responded with a status of 404",))
    app.drop(noisy_scene(tmp_path / "gone.tif", seed=8))
    app.painted()
    begin(app)
    lesson = call(server, "lessons")[0]["id"]
    app.page.evaluate("(id) => fetch(`api/lessons/${id}`, {method: 'DELETE', headers: {'X-Smalti': '1'}})", lesson)
    says(app, "gone.tif is not there any more")
    assert app.serious() == []
    app.page.click("#begin")
    says(app, "Nothing is painted yet.")


def _drawn_again(app: AppPage, press: Callable[[float, float], None], release: Callable[[float, float], None]) -> None:
    """A press of Begin during which the list of lessons arrives."""
    lists = Held(app, "**/api/lessons", "GET")
    app.tab("scene")
    app.tab("teach")
    lists.asked()
    button = app.page.wait_for_selector("#begin")
    button.focus()
    box = button.bounding_box()
    at = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    press(*at)
    lists.release()
    app.page.wait_for_function("(old) => !old.isConnected", arg=button)
    release(*at)


def test_a_press_counts_where_the_panel_is_drawn_again_meanwhile(
    open_page: Any, server: Server, tmp_path: Path
) -> None:
    app = open_page(has_touch=True)
    app.drop(noisy_scene(tmp_path / "press.tif", seed=9))
    app.painted()
    mouse, keyboard, fingers = app.page.mouse, app.page.keyboard, app.context.new_cdp_session(app.page)

    def down(x: float, y: float) -> None:
        mouse.move(x, y)
        mouse.down()

    def up(x: float, y: float) -> None:
        mouse.move(x, y)
        mouse.up()

    def touch(kind: str, *points: dict[str, float]) -> None:
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    begun = len(call(server, "lessons"))
    _drawn_again(app, down, lambda x, y: up(x - 400, y))
    app.page.wait_for_timeout(200)
    assert len(call(server, "lessons")) == begun
    for press, release in (
        (down, up),
        (lambda *_: keyboard.down(" "), lambda *_: keyboard.up(" ")),
        (lambda x, y: touch("touchStart", {"x": x, "y": y}), lambda *_: touch("touchEnd")),
    ):
        asked: list[str] = []
        hear = lambda request, asked=asked: asked.append(request.url) if request.method == "POST" else None  # noqa: E731
        app.page.on("request", hear)
        _drawn_again(app, press, release)
        says(app, "Nothing is painted yet.")
        saved(app)
        app.page.remove_listener("request", hear)
        begun += 1
        assert len(asked) == 1 and len(call(server, "lessons")) == begun
        app.page.click("[data-key=Close]")


def test_a_press_counts_where_the_control_is_moved_or_opens_something(begun: Begun) -> None:
    app, strokes = begun
    for top in (0.4, 0.6):
        stroke(app, 0.4, top)
    assert strokes() == ["land", "land"]
    app.page.hover("[data-key=Undo]")
    app.page.mouse.down()
    app.page.keyboard.press("2")  # draws the tools again
    app.page.mouse.up()
    app.page.wait_for_selector("[data-key=Redo]:enabled")
    assert strokes() == ["land"]
    summary = app.page.locator("[data-key=score-more]")
    learn = Held(app, "**/learn")
    stroke(app, 0.4, 0.8)
    learn.asked()
    old = summary.element_handle()
    summary.hover()
    app.page.mouse.down()
    learn.release()
    app.page.wait_for_function("(old) => !old.isConnected", arg=old)
    app.page.mouse.up()
    app.page.wait_for_selector("details[open] > [data-key=score-more]")
    assert strokes() == ["land", "water"]


def test_on_a_phone_the_classes_stay_in_view(open_page: Any, tmp_path: Path) -> None:
    app = open_page(viewport={"width": 390, "height": 844}, has_touch=True)
    app.drop(noisy_scene(tmp_path / "phone.tif", seed=6))
    app.painted()
    begin(app)
    panel = app.page.locator("#panel-teach")
    panel.evaluate("(part) => part.scrollTo(0, part.scrollHeight)")
    box, chip = panel.bounding_box(), app.page.locator("[data-key='chip water']").locator("..").bounding_box()
    assert box["y"] <= chip["y"] and chip["y"] + chip["height"] <= box["y"] + box["height"]
    app.page.locator("[data-key='chip water']").locator("..").click()
    assert app.page.is_checked("[data-key='paint water']")
    small = panel.evaluate(SMALL)
    assert small == []
    assert panel.evaluate("(part) => part.scrollWidth - part.clientWidth") == 0
    assert app.serious() == []


def test_the_model_as_it_was_is_left_of_the_line(begun: Begun) -> None:
    app, strokes = begun
    before = app.pixels()
    for name in ("1", "3"):
        app.page.keyboard.press(name)
        for k in range(3):
            stroke(app, 0.35 + 0.2 * (name == "3"), 0.3 + 0.15 * k)
    assert len(strokes()) == 6
    app.page.check("[data-key=teach-swipe]")
    app.painted()
    width = before.shape[1]
    left = (slice(60, 300), slice(width // 4, width // 2 - 40))
    assert (app.pixels()[left] == before[left]).all(axis=-1).mean() < 0.2  # the image
    app.page.locator("label:has([data-key=beside-before])").click()
    app.painted()
    app.page.wait_for_timeout(300)
    app.painted()
    assert (app.pixels()[left] == before[left]).all(axis=-1).mean() > 0.8  # all but the strokes
