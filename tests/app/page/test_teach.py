"""Painting in the page: strokes change the map at once, survive reloads and a killed server, and become a model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.app.page.app_page import AppPage, share_of
from tests.app.page.serving import Server, call
from tests.app.page.teaching import begin, click, saved, says, stroke
from tests.lessons.places import noisy_scene

pytestmark = pytest.mark.slow
NEW = "#CC79A7"
"""The colour that the page proposes for a new class."""


def _drop_polygon(app: AppPage) -> None:
    """Three corners that Esc drops: a double click has nothing to end."""
    app.page.keyboard.press("p")
    for left, top in ((0.5, 0.2), (0.6, 0.2), (0.6, 0.3)):
        click(app, left, top)
    app.page.keyboard.press("Escape")
    click(app, 0.5, 0.35, 2)


def _framed(app: AppPage) -> NDArray[np.uint8]:
    """The upper part of the viewer at the next place, without the live map; a name for the model is typed."""
    app.page.click("#next-place")
    says(app, "Place 1 of")
    app.page.fill("[data-key=live-opacity]", "0")
    app.page.fill("[data-key=model-name]", "mine")
    app.painted()
    return app.pixels()[:280]


def _add_class(app: AppPage, name: str) -> None:
    app.page.click("[data-key=add-class]")
    app.page.fill("[data-key=class-name]", name)
    app.page.click("[data-key=class-save]")
    app.page.wait_for_selector(f"[data-key='paint {name}']")


def test_a_minute_of_painting_becomes_a_model(open_page: Any, server: Server, folder: Path) -> None:
    scene = noisy_scene(folder / "noisy.tif")
    app = open_page(allowed=("Failed to load resource: net::ERR_",))
    app.drop(scene)
    app.painted()
    plain = app.pixels()
    begin(app)
    assert (app.pixels() != plain).any(axis=-1).mean() > 0.3  # the model's own map
    _add_class(app, "noise")
    for k in range(3):
        stroke(app, 0.56, 0.3 + 0.18 * k)
    app.page.locator("#map").focus()
    app.page.keyboard.press("1")
    for k in range(3):
        stroke(app, 0.32, 0.3 + 0.18 * k)
    says(app, "6 strokes held out")
    saved(app)
    assert share_of(app.pixels(), [NEW]) > 0.1
    assert app.serious() == []
    app.page.reload()
    app.ready()
    says(app, "6 strokes held out")
    stroke(app, 0.32, 0.85)
    server.kill()  # while it saves the stroke, or learns
    server.start()
    says(app, "7 strokes held out")
    saved(app)
    lesson = call(server, "lessons")[0]
    assert {each["name"]: each["strokes"] for each in lesson["classes"]}["noise"] == 3
    app.page.fill("[data-key=model-name]", "own")
    app.page.click("#save-model")
    app.page.wait_for_selector("a[href='api/models/own/file']")
    app.page.click("#map-all")
    app.done()
    app.opaque()
    assert share_of(app.pixels(), [NEW]) > 0.1
    assert call(server, "jobs")[0]["model"] == "own"


def test_strokes_are_undone_erased_and_refused_where_they_happen(open_page: Any, server: Server, folder: Path) -> None:
    app = open_page()
    app.drop(noisy_scene(folder / "again.tif", seed=3))
    app.painted()
    begin(app)

    def strokes() -> int:
        saved(app)
        lesson = call(server, "lessons")[0]
        return int(lesson["scenes"][0]["strokes"])

    stroke(app, 0.4, 0.4)
    assert strokes() == 1
    app.page.keyboard.press("Control+z")
    assert strokes() == 0
    app.page.keyboard.press("Control+Shift+z")
    assert strokes() == 1
    app.page.locator("#map").focus()
    app.page.keyboard.press("Enter")  # below the cross
    assert strokes() == 2
    app.page.keyboard.press("e")
    stroke(app, 0.4, 0.4)
    assert strokes() == 1
    _drop_polygon(app)
    assert strokes() == 1
    app.page.keyboard.press("b")
    framed = _framed(app)
    stroke(app, 0.5, 0.6)
    assert strokes() == 2
    assert (app.pixels()[:280] == framed).all(axis=-1).mean() > 0.999  # the place keeps its frame
    assert app.page.input_value("[data-key=model-name]") == "mine"
    stroke(app, 0.01, 0.1, 2)
    says(app, "lies outside of the scene")
    app.page.click("#undo-lesson")
    app.page.wait_for_selector("#panel-teach .problem", state="hidden")
    app.page.set_viewport_size({"width": 390, "height": 780})
    assert app.page.locator("#panel-teach").evaluate("(part) => part.scrollWidth - part.clientWidth") == 0
    assert app.serious() == []
