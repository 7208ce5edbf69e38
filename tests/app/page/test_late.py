"""Answers that come late, break off, or do not come at first; and what is drawn again meanwhile."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.app.page.app_page import AppPage, at
from tests.app.page.images import write
from tests.app.page.serving import Server, call, make_map

pytestmark = pytest.mark.slow
LOST = "Failed to load resource: net::ERR_"
STORE = """const load = (part) => import(new URL(`static/js/${part}.js`, document.baseURI).pathname);
      const { get, set } = await load("core/store");"""


class Held:
    """Requests whose answers come when they are let go; those of other methods are not held."""

    def __init__(self, app: AppPage, pattern: str, method: str = "GET") -> None:
        self._app, self._pattern, self._method, self.routes = app, pattern, method, list[Any]()
        app.page.route(pattern, self._hold)

    def _hold(self, route: Any) -> None:
        if route.request.method == self._method:
            self.routes.append(route)
        else:
            route.continue_()

    def wait(self) -> None:
        """Until there is one."""
        end = time.monotonic() + 60
        while not self.routes and time.monotonic() < end:
            self._app.page.wait_for_timeout(20)
        assert self.routes

    def let_go(self) -> None:
        for route in self.routes:
            route.continue_()
        self._app.page.unroute(self._pattern)
        self._app.page.wait_for_timeout(500)  # whatever would be done with the answers


@pytest.fixture(scope="module")
def again(server: Server, mapped: Any) -> Any:
    """The same map once more."""
    return make_map(server, mapped["scene"], "town")


@pytest.fixture(scope="module")
def compared(server: Server, mapped: Any, again: Any) -> Any:
    """The finished comparison of both."""
    job = call(server, "compare", {"before": mapped["id"], "after": again["id"]})
    while job["state"] != "done":
        time.sleep(0.1)
        job = call(server, f"jobs/{job['id']}")
        assert job["state"] in ("queued", "running", "done"), job["problem"]
    return job


def show(app: AppPage, job: Any) -> None:
    app.tab("jobs")
    app.page.click(f"[data-key='show {job['id']}']")


def test_a_late_comparison_does_not_change_another_map(open_page: Any, mapped: Any, compared: Any) -> None:
    app = open_page()
    held = Held(app, f"**/{compared['id']}/areas")
    show(app, compared)
    held.wait()
    show(app, mapped)
    held.let_go()
    hidden = f"async () => {{ {STORE} return (await load('viewer/layers')).view.hidden.size; }}"
    assert app.page.evaluate(hidden) == 0
    show(app, compared)
    app.page.wait_for_selector(".matrix")
    assert app.page.evaluate(hidden) > 0


def test_a_map_that_is_shown_again_shows_the_classes_that_its_legend_says(
    open_page: Any, mapped: Any, compared: Any
) -> None:
    app = open_page(at(mapped))
    first = app.page.locator(".legend input").first
    app.page.wait_for_selector(".legend td + td")
    first.uncheck()
    show(app, compared)
    app.page.wait_for_selector(".matrix")
    show(app, mapped)
    app.page.wait_for_selector(".legend td + td")
    hidden = f"async () => {{ {STORE} return (await load('viewer/layers')).view.hidden.size; }}"
    assert (app.page.evaluate(hidden), first.is_checked()) == (0, True)


def test_an_answer_that_breaks_off_is_that_of_a_server_that_is_gone(open_page: Any) -> None:
    app = open_page()
    broken = f"""async () => {{
      {STORE}
      const {{ ask }} = await load("core/api");
      const body = () => new ReadableStream({{ start: (stream) => stream.error(new TypeError("network error")) }});
      window.fetch = async () => new Response(body());
      const problem = await ask("api/jobs").catch((problem) => problem);
      return [problem.message, problem.status, get("online")];
    }}"""
    assert app.page.evaluate(broken) == ["The server does not answer", 0, False]


def test_what_did_not_come_is_asked_for_again_when_the_server_is_back(
    open_page: Any, mapped: Any, compared: Any
) -> None:
    app = open_page(allowed=(LOST,), clock=True)
    for job, parts in ((mapped, (".legend td + td", ".downloads a")), (compared, (".matrix", ".downloads a"))):
        for path in ("areas", "results"):
            app.page.route(f"**/{job['id']}/{path}", lambda route: route.abort())
        show(app, job)
        app.page.wait_for_selector("#offline:not([hidden])")
        app.page.locator("#panel-result .problem").nth(1).wait_for()
        app.page.unroute_all()
        app.page.clock.fast_forward(10_000)
        app.page.wait_for_selector("#offline[hidden]", state="attached")
        for part in parts:
            app.page.wait_for_selector(f"#panel-result {part}")
        assert app.page.locator("#panel-result .problem").count() == 0


def test_a_page_that_lost_the_server_at_first_is_loaded_when_it_is_back(open_page: Any, mapped: Any) -> None:
    app = open_page(at(mapped), allowed=(LOST,), clock=True)
    app.page.route("**/api/*", lambda route: route.abort())
    app.page.reload()
    app.ready()
    app.page.wait_for_selector("#panel-scene .problem")
    app.page.unroute_all()
    app.page.clock.fast_forward(10_000)
    app.done()
    assert app.page.inner_text("#title") == "town.tif"
    assert app.page.locator("#panel-scene .problem").count() == 0
    assert app.page.locator("#panel-map .model").count() > 0


def test_why_a_job_cannot_be_cancelled_stays_while_it_goes_on(open_page: Any, mapped: Any) -> None:
    app = open_page(at(mapped), allowed=("Failed to load resource: the server responded with a status of 409",))
    app.page.route("**/events", lambda _: None)  # never answered: the job is as far as is said here
    refused = {"status": 409, "detail": "it is being written"}
    app.page.route("**/cancel", lambda route: route.fulfill(status=409, json=refused))
    grow = f"""async ([rows, panel]) => {{
      {STORE}
      const job = {{ ...get("job"), state: "running", rows_done: rows }};
      set({{ job, jobs: get("jobs").map((each) => (each.id === job.id ? job : each)) }});
      return document.querySelector(`#panel-${{panel}}`).innerText.includes("it is being written");
    }}"""
    for rows, panel in ((10, "result"), (30, "jobs")):
        app.tab(panel)
        assert not app.page.evaluate(grow, [rows, panel])
        app.page.click(f"#panel-{panel} [data-key='Cancel {mapped['id']}']")
        app.page.wait_for_selector(f"#panel-{panel} .problem:has-text('it is being written')")
        assert app.page.evaluate(grow, [rows + 10, panel])


def test_of_two_folders_the_one_that_was_chosen_last_is_listed(open_page: Any, folder: Path) -> None:
    for name in ("late", "soon"):
        (folder / "both" / name / f"{name} inner").mkdir(parents=True)
    app = open_page()
    app.page.click("summary:has-text('On the server')")
    app.page.click(f"#panel-scene .list >> text={folder.name}")
    app.page.click("#panel-scene .list >> text=both")
    held = Held(app, "**/api/browse?path=*late")
    app.page.click("#panel-scene .list >> text=late")
    held.wait()
    app.page.click("#panel-scene .list >> text=soon")
    app.page.wait_for_selector("#panel-scene .list >> text=soon inner")
    held.let_go()
    assert "soon inner" in app.page.inner_text("#panel-scene")
    assert "late inner" not in app.page.inner_text("#panel-scene")


def test_the_cursor_is_not_told_of_the_pixel_before(open_page: Any, mapped: Any) -> None:
    app = open_page(at(mapped), clock=True)
    app.painted()
    box = app.page.locator("#map").bounding_box()
    middle, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    held = Held(app, "**/at?*")
    app.page.mouse.move(middle, y)
    held.wait()
    app.page.clock.pause_at(app.page.evaluate("Date.now() + 1000"))  # nothing is asked of the next pixel
    app.page.mouse.move(middle + 40, y)
    told = app.page.inner_text("#readout")
    for route in held.routes:
        route.continue_()
    app.page.clock.run_for(0)
    time.sleep(0.5)
    assert app.page.inner_text("#readout") == told


def test_one_press_makes_one_job_and_leaves_another_scene_alone(
    open_page: Any, server: Server, mapped: Any, folder: Path
) -> None:
    plain = write(folder / "plain.tif", np.full((3, 64, 64), 90, np.uint8))
    other = call(server, "scenes", {"path": str(plain)})["scenes"][0]["id"]
    app = open_page(f"#scene={mapped['scene']}")
    held = Held(app, "**/api/jobs", "POST")
    before = len(call(server, "jobs"))
    app.page.click("#start:enabled")
    held.wait()
    app.page.locator("#panel-map .model label:has(input:not(:checked))").first.click()
    assert app.page.locator("#start").is_disabled()
    app.tab("scene")
    app.page.click(f"[data-key='{other}']")
    held.let_go()
    app.page.wait_for_selector("#start:enabled")
    assert app.page.inner_text("#title") == "plain.tif"
    assert app.page.evaluate(f"async () => {{ {STORE} return get('job'); }}") is None
    assert len(call(server, "jobs")) == before + 1
    assert app.page.get_attribute("#tab-jobs", "data-count") == "1"


def test_the_map_to_compare_with_stays_chosen_when_another_one_is_finished(
    open_page: Any, server: Server, mapped: Any, again: Any
) -> None:
    make_map(server, mapped["scene"], "town")
    app = open_page(at(mapped))
    select = app.page.locator("select[aria-label='Compare with']")
    select.select_option(again["id"])
    finish = f"""async () => {{
      {STORE}
      set({{ jobs: [{{ ...get("job"), id: "another" }}, ...get("jobs")] }});
    }}"""
    assert select.locator("option").count() > 1
    app.page.evaluate(finish)
    assert "another" in select.locator("option").evaluate_all("(all) => all.map(({ value }) => value)")
    assert select.input_value() == again["id"]


def test_a_page_that_nobody_sees_keeps_no_connection_for_its_job(open_page: Any, mapped: Any) -> None:
    app = open_page(at(mapped))
    app.page.route("**/events", lambda _: None)  # never answered: the job is as far as is said here
    run = f"async () => {{ {STORE} set({{ job: {{ ...get('job'), state: 'running' }} }}); }}"
    hide = """(hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""

    def events(request: Any) -> bool:
        return str(request.url).endswith("/events")

    with app.page.expect_request(events):
        app.page.evaluate(run)
    with app.page.expect_event("requestfailed", events):
        app.page.evaluate(hide, True)
    with app.page.expect_request(events):
        app.page.evaluate(hide, False)
