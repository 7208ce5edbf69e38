"""A lesson in the page, as a test works in it."""

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
