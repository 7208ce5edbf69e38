"""Names, classes, bands and models of lessons in the page: what cannot be is said before anything is sent."""

from pathlib import Path
from typing import Any

import pytest
import rasterio

from tests.app.page.app_page import AppPage
from tests.app.page.serving import Server, call
from tests.app.page.teaching import begin, saved, says, stroke
from tests.lessons.places import noisy_scene

pytestmark = pytest.mark.slow


@pytest.fixture
def app(open_page: Any, tmp_path: Path) -> AppPage:
    """A lesson in the page, whose console must stay silent."""
    app: AppPage = open_page()
    app.drop(noisy_scene(tmp_path / "classes.tif", seed=7))
    app.painted()
    begin(app)
    return app


def _counts(server: Server) -> dict[str, int]:
    return {each["name"]: each["strokes"] for each in call(server, "lessons")[0]["classes"]}


def _more(app: AppPage, name: str) -> None:
    """Opens what else can be done with a class."""
    app.page.click(f"[data-key='edit {name}']")
    app.page.click("[data-key=class-more]")


def test_names_that_cannot_be_are_refused_without_asking(app: AppPage) -> None:
    asked: list[str] = []
    app.page.on("request", lambda request: request.method in ("PUT", "POST") and asked.append(request.url))
    app.page.click("[data-key=add-class]")
    for name, why in (("road", "There is a class road already"), ("ignore", "do not count")):
        app.page.fill("[data-key=class-name]", name)
        app.page.click("[data-key=class-save]")
        says(app, why)
    app.page.fill("[data-key=class-name]", "solar")
    app.page.fill("[data-key=class-color]", "#c8553d")
    app.page.click("[data-key=class-save]")
    says(app, "The class building has this colour already")
    assert asked == []
    app.page.fill("[data-key=class-color]", "#102030")
    app.page.click("[data-key=class-save]")
    app.page.wait_for_selector("[data-key='paint solar']:checked")
    assert len(asked) == 1
    assert app.page.locator("#panel-teach .problem:visible").count() == 0


def test_classes_are_merged_and_split(app: AppPage, server: Server) -> None:
    for name, top in (("1", 0.3), ("5", 0.5)):
        app.page.keyboard.press(name)
        stroke(app, 0.4, top)
    saved(app)
    _more(app, "road")
    app.page.select_option("[data-key=merge-into]", "land")
    app.page.click("[data-key=merge]")
    app.page.wait_for_selector("[data-key='paint road']", state="detached")
    assert app.page.is_checked("[data-key='paint land']")
    counts = _counts(server)
    assert counts["land"] == 2 and "road" not in counts
    _more(app, "building")
    app.page.fill("[data-key=split-second]", "water")
    app.page.click("[data-key=split]")
    says(app, "There is a class water already")
    app.page.fill("[data-key=split-first]", "house")
    app.page.fill("[data-key=split-second]", "hall")
    assert app.serious() == []
    app.page.click("[data-key=split]")
    app.page.wait_for_selector("[data-key='paint hall']:checked")
    counts = _counts(server)
    assert counts["house"] == counts["hall"] == 0 and "building" not in counts
    stroke(app, 0.6, 0.4)
    saved(app)
    assert _counts(server)["hall"] == 1


def test_a_lesson_gets_a_name(app: AppPage, server: Server) -> None:
    app.page.click("[data-key=rename-lesson]")
    app.page.fill("[data-key=lesson-name]", "Roofs of the town")
    app.page.click("[data-key=lesson-save]")
    app.page.wait_for_selector("#panel-teach h2:has-text('Roofs of the town')")
    assert call(server, "lessons")[0]["name"] == "Roofs of the town"
    app.page.click("[data-key=Close]")
    app.page.click(".item .name:has-text('Roofs of the town')")
    saved(app)
    app.page.click("[data-key=remove-lesson]")
    assert call(server, "lessons")[0]["name"] == "Roofs of the town"
    app.page.click("[data-key=remove-lesson]")
    app.page.wait_for_selector("#begin")
    assert "Roofs of the town" not in [each["name"] for each in call(server, "lessons")]


def test_a_saved_model_is_deleted_after_asking_again(app: AppPage, server: Server) -> None:
    for name, top in (("1", 0.3), ("5", 0.5)):
        app.page.keyboard.press(name)
        stroke(app, 0.4, top)
    saved(app)
    app.page.fill("[data-key=model-name]", "landcover")
    app.page.click("#save-model")
    says(app, "There is a model named landcover already")
    app.page.fill("[data-key=model-name]", "passing")
    app.page.click("#save-model")
    delete = app.page.locator("[data-key='Delete the model passing']")
    delete.click()
    assert "passing" in [each["name"] for each in call(server, "models")]
    delete.click()
    app.page.wait_for_selector("a[href='api/models/passing/file']", state="detached")
    assert "passing" not in [each["name"] for each in call(server, "models")]
    assert app.page.locator("[data-key^='Delete the model landcover']").count() == 0


def test_bands_are_chosen_where_the_model_does_not_find_its_own(open_page: Any, server: Server, tmp_path: Path) -> None:
    app = open_page()
    app.drop(noisy_scene(tmp_path / "bands.tif", bands=5))
    app.painted()
    app.tab("teach")
    selects = app.page.locator("#panel-teach .triple select")
    assert [selects.nth(k).input_value() for k in range(3)] == ["1", "2", "3"]
    selects.nth(0).select_option("4")
    app.page.click("#begin")
    says(app, "Nothing is painted yet.")
    assert call(server, "lessons")[0]["scenes"][0]["bands"] == ["4", "2", "3"]
    app.page.click("[data-key=Close]")
    app.tab("scene")
    app.drop(noisy_scene(tmp_path / "plain.tif"))
    app.page.wait_for_selector("#title:has-text('plain.tif')")
    app.painted()
    app.tab("teach")
    app.page.wait_for_selector("#begin")
    assert app.page.locator("#panel-teach .triple:visible").count() == 0
    other = noisy_scene(tmp_path / "infrared.tif")
    with rasterio.open(other, "r+") as file:
        file.descriptions = ("nir", "red", "green")
    app.drop(other)
    app.page.wait_for_selector("#title:has-text('infrared.tif')")
    app.painted()
    app.tab("teach")
    app.page.wait_for_selector("#panel-teach .triple:visible")
