"""Jobs in the page: areas that are drawn, options that do not fit, cancelled and resumed, compared, downloaded."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smalti.synth import draw
from smalti.tiling import Window
from tests.app.page.app_page import at
from tests.app.page.images import SIZE, write
from tests.app.page.serving import Server, call, make_map

pytestmark = pytest.mark.slow


def size_of(area: Any) -> float:
    """The pixels within a polygon."""
    x, y = np.array(area["coordinates"][0]).T
    return float(abs((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) / 2)


def drawing(open_page: Any, scene: Path) -> Any:
    """The page of a scene of which a polygon is to be drawn."""
    app = open_page()
    app.drop(scene)
    app.painted()
    app.page.locator("#panel-map .segments label", has_text="Polygon").click()
    assert app.page.locator("#start").is_disabled()
    return app


def test_a_polygon_is_drawn_by_clicks(open_page: Any, server: Server, scene: Path) -> None:
    app = drawing(open_page, scene)
    box = app.page.locator("#map").bounding_box()
    for x, y in ((0.4, 0.3), (0.6, 0.3), (0.6, 0.7), (0.6, 0.7)):
        app.page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    app.page.click("#start:enabled")
    app.done()
    area = call(server, "jobs")[0]["area"]
    assert area["type"] == "Polygon"
    assert 0.02 < size_of(area) / SIZE**2 < 0.3


def test_a_polygon_is_drawn_by_keys(open_page: Any, scene: Path) -> None:
    app = drawing(open_page, scene)
    app.page.locator("#map").focus()
    keys = app.page.keyboard
    for way in ("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowRight"):
        keys.press("Enter")
        before = app.page.inner_text("#readout")
        keys.press(way)
        app.page.wait_for_function("(before) => document.querySelector('#readout').innerText !== before", arg=before)
    keys.press("Backspace")  # the last one was one too many
    keys.press("Enter")
    keys.press("Enter")
    app.page.wait_for_selector("#start:enabled")
    assert 0 < float(app.page.inner_text("#panel-map [role=status]").split()[0]) < SIZE**2 / 1e6


def test_bands_that_do_not_fit_are_chosen_where_the_message_says(open_page: Any, server: Server, folder: Path) -> None:
    pixels = draw(Window(300, 300, SIZE, SIZE), 7).image
    four = write(folder / "four.tif", np.concatenate((pixels[:1], pixels)), photometric="minisblack")
    app = open_page(f"#path={four}")
    app.painted()
    app.page.click("#start")
    told = app.page.wait_for_selector("#panel-result .problem").inner_text()
    assert "“Bands for the model”" in told
    assert "--" not in told
    app.page.click("text=Change the options")
    for label, band in (("red", "2"), ("green", "3"), ("blue", "4")):
        app.page.locator("#map-options label", has_text=label).locator("select").select_option(band)
    app.page.click("#start")
    app.done()
    assert call(server, "jobs")[0]["options"]["bands"] == [2, 3, 4]


def test_a_cancelled_job_is_resumed_by_keys(open_page: Any, server: Server, folder: Path) -> None:
    tall = write(folder / "tall.tif", draw(Window(0, 0, 4096, 512), 3).image)  # not done before it is cancelled
    app = open_page(f"#path={tall}")
    app.painted()
    app.page.click("#map-options summary")
    app.page.locator("label", has_text="Flips and turns").click()
    app.page.click("#start")
    app.page.wait_for_selector("#panel-result .state[data-state=running]")
    assert "Hectares" in app.page.inner_text("#panel-result [aria-label=Classes]")
    app.page.locator("#panel-result button", has_text="Cancel").press("Enter")
    app.page.wait_for_selector("#panel-result .state[data-state=cancelled]")
    app.page.locator("#panel-result button", has_text="Resume").press("Enter")
    app.done()
    app.page.wait_for_selector("#panel-result .legend td + td")
    assert call(server, "jobs")[0]["rows_done"] == 4096


def test_only_maps_of_the_same_pixels_are_offered_for_comparison(
    open_page: Any, server: Server, mapped: Any, folder: Path
) -> None:
    make_map(server, mapped["scene"], "landcover")
    elsewhere = write(folder / "other.tif", draw(Window(0, 0, SIZE // 2, SIZE), 3).image, crs=None)
    make_map(server, call(server, "scenes", {"path": str(elsewhere)})["scenes"][0]["id"], "landcover")
    app = open_page(at(mapped))
    app.page.wait_for_selector("#compare")
    offered = app.page.locator("select[aria-label='Compare with'] option").all_inner_texts()
    assert any(text.startswith("town.tif · landcover") for text in offered)
    assert not any("other.tif" in text for text in offered)
    app.page.click("summary:has-text('cannot be compared')")
    assert "only one of them has a georeference" in app.page.inner_text("#panel-result [aria-label=Comparison]")


def test_a_job_is_deleted_when_that_is_said_twice(open_page: Any, server: Server, mapped: Any) -> None:
    job = call(server, "jobs", {"scene": mapped["scene"], "model": "town"})["id"]
    call(server, f"jobs/{job}/cancel", {})
    app = open_page()
    app.tab("jobs")
    button = app.page.locator(f"[data-key='delete {job}']")
    button.press("Enter")
    assert button.inner_text() == "Delete for good?"
    assert job in [each["id"] for each in call(server, "jobs")]
    button.press("Enter")
    button.wait_for(state="detached")
    assert job not in [each["id"] for each in call(server, "jobs")]


def test_a_job_is_deleted_while_another_one_runs(open_page: Any, server: Server, mapped: Any) -> None:
    job = call(server, "jobs", {"scene": mapped["scene"], "model": "town"})["id"]
    call(server, f"jobs/{job}/cancel", {})
    app = open_page()
    app.page.route("**/events", lambda _: None)  # never answered: the job is as far as is said here
    app.tab("jobs")
    button = app.page.locator(f"[data-key='delete {job}']")
    button.click()
    grow = """async ([id, other, rows]) => {
      const { get, set } = await import(new URL("static/js/core/store.js", document.baseURI).pathname);
      const running = { state: "running", rows_done: rows };
      set({ jobs: get("jobs").map((job) => ({ ...job, ...(job.id === id ? running : {}) })) });
      const of = (key) => document.querySelector(`[data-key='${key}']`);
      return [of(`show ${id}`).closest(".job").querySelector(".state").innerText, of(`delete ${other}`).innerText];
    }"""  # read at once: the page itself soon asks how far the job is
    for rows in (10, 20):
        assert app.page.evaluate(grow, [mapped["id"], job, rows]) == ["running", "Delete for good?"]
    end = """async (id) => {
      const { get, set } = await import(new URL("static/js/core/store.js", document.baseURI).pathname);
      set({ jobs: get("jobs").map((job) => ({ ...job, ...(job.id === id ? { state: "done" } : {}) })) });
      return document.querySelector(`[data-key='delete ${id}']`).innerText;
    }"""  # another map of the same scene, whose deletion nobody asked for
    assert app.page.evaluate(end, mapped["id"]) == "Delete"
    button.click()
    button.wait_for(state="detached")
    assert job not in [each["id"] for each in call(server, "jobs")]


def test_the_files_of_the_list_come(open_page: Any, mapped: Any) -> None:
    app = open_page(at(mapped))
    app.page.wait_for_selector(".downloads a")
    links = app.page.locator(".downloads a")
    for link in links.filter(has_not_text="made now").all():
        answer = app.page.request.get(f"{app.page.url.partition('#')[0]}{link.get_attribute('href')}")
        assert answer.ok, link.inner_text()
        assert len(answer.body()) > 100
    with app.page.expect_download() as download:
        links.first.press("Enter")
    assert download.value.suggested_filename.endswith(".tif")
