"""A lesson in the page, as a test works in it."""

from typing import Any

from tests.app.page.app_page import AppPage


def says(app: AppPage, text: str) -> None:
    app.page.wait_for_selector(f"#panel-teach:has-text('{text}')")


def saved(app: AppPage) -> None:
    """Waits until all that was painted is on the disk, learned and in view."""
    app.page.wait_for_selector("#panel-teach[data-state=ready]")
    app.painted()


def begin(app: AppPage) -> None:
    app.tab("teach")
    app.page.click("#begin")
    says(app, "Nothing is painted yet.")
    saved(app)
    app.page.fill("[data-key=live-opacity]", "100")
    app.painted()


def stroke(app: AppPage, left: float, top: float, length: int = 40) -> None:
    """A stroke from a place of the viewer, given in shares, to the right."""
    box = app.page.locator("#map").bounding_box()
    x, y = box["x"] + left * box["width"], box["y"] + top * box["height"]
    app.page.mouse.move(x, y)
    app.page.mouse.down()
    app.page.mouse.move(x + length, y + 6, steps=4)
    app.page.mouse.up()


def click(app: AppPage, left: float, top: float, times: int = 1) -> None:
    """Clicks at a place of the viewer, given in shares."""
    box = app.page.locator("#map").bounding_box()
    app.page.mouse.click(box["x"] + left * box["width"], box["y"] + top * box["height"], click_count=times)


class Held:
    """Requests that wait until they are released."""

    def __init__(self, app: AppPage, pattern: str, method: str = "") -> None:
        self._page, self._pattern, self._routes = app.page, pattern, list[Any]()

        def hold(route: Any) -> None:
            if method in ("", route.request.method):
                self._routes.append(route)
            else:
                route.fallback()

        app.page.route(pattern, hold)
        self._hold = hold

    def asked(self) -> None:
        """Waits until there is one."""
        while not self._routes:
            self._page.wait_for_timeout(10)

    def release(self) -> None:
        """Sends them, and whatever is asked from now on."""
        for route in self._routes:
            route.continue_()
        self._page.unroute(self._pattern, self._hold)

    def answered(self) -> None:
        """The same, until the first of them is answered and the page has heard of it."""
        request = self._routes[0].request
        self.release()
        request.response().finished()
        self._page.evaluate("() => new Promise((done) => setTimeout(done, 50))")
