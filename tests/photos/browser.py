"""A real browser for the page: Debian's chromium, driven by playwright; the page comes from the disk."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

OFFLINE = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-gpu",  # where there is none, one is imitated, which takes longer than to do without
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
)


def launch(excluded: str = "") -> Iterator[Any]:
    """A browser that can reach the disk, and `EXCLUDE HOST`; the test is skipped where there is none."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium; bring it with: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api")
    rules = ["MAP * ~NOTFOUND", *([excluded] if excluded else [])]
    with api.sync_playwright() as playwright:
        args = [*OFFLINE, f"--host-resolver-rules={', '.join(rules)}"]
        browser = playwright.chromium.launch(executable_path=chromium, args=args)
        yield browser
        browser.close()


class Opened:
    """A page that is open in a browser of its own storage; `problems` are what its console says."""

    def __init__(self, browser: Any, path: Path, context: Any = None, **options: Any) -> None:
        options = {"viewport": {"width": 1280, "height": 900}, **options}
        self.context = context or browser.new_context(**options)
        self.context.set_default_timeout(60_000)
        self.page = self.context.new_page()
        self.problems: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.resolve().as_uri())
        self.page.wait_for_selector("html[data-ready=yes]")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def card(self, name: str) -> Any:
        return self.page.locator(".photo", has=self.page.locator(".name", has_text=name))

    def go(self, name: str) -> None:
        """Makes a photo the current one."""
        self.card(name).locator(".name").click()

    def verdicts(self) -> dict[str, str]:
        """By name."""
        texts = self.page.locator(".photo").evaluate_all(
            "cards => cards.map(card => [card.querySelector('.name').textContent, card.dataset.verdict])"
        )
        return dict(texts)

    def series(self) -> list[list[str]]:
        """The names in each series, sorted; so are the series."""
        found: list[list[str]] = self.page.locator(".strip").evaluate_all(
            "strips => strips.map(strip => [...strip.querySelectorAll('.name')].map(name => name.textContent).sort())"
        )
        return sorted(found)

    def saved(self, button: str, path: Path) -> Path:
        """What a button saves, as a file."""
        with self.page.expect_download() as download:
            self.page.click(f".tools [data-act={button}]")
        download.value.save_as(path)
        return path

    def panes(self) -> list[dict[str, str]]:
        """What is shown in full size, when all of it is there."""
        self.page.wait_for_selector(".panes:not(:has(.pane:not([data-state=ready]))) .pane")
        found: list[dict[str, str]] = self.page.locator(".pane").evaluate_all(
            "panes => panes.map(p => ({...p.dataset}))"
        )
        return found

    def captions(self) -> list[str]:
        found: list[str] = self.page.locator(".pane p").all_text_contents()
        return found
