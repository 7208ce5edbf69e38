"""The app's page in a real browser."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.app.page.serving import TOKEN, Server

AXE = Path(__file__).with_name("vendor") / "axe" / "axe.min.js"
_GIVE = """(given) => {
  const files = new DataTransfer();
  for (const [name, content] of given)
    files.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name));
  return files;
}"""
_TWO_FRAMES = """() => new Promise((done) => {
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)));  // when the second one is drawn, too
})"""
_AXE = "async () => (await axe.run()).violations.map((v) => [v.impact, v.id, v.nodes.map((n) => n.html)])"


class AppPage:
    """A page that is open in a browser of its own storage; `problems` are what its console says.

    With `clock` its time can be moved on, by `page.clock`.
    """

    def __init__(self, browser: Any, server: Server, at: str = "", *, clock: bool = False, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1100, "height": 720}, **options})
        self.context.set_default_timeout(120_000)
        self.page = self.context.new_page()
        self.problems: list[str] = []
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        if clock:
            self.page.clock.install()
        self.page.goto(f"{server.address}/?token={TOKEN}{at}")
        self.ready()

    def ready(self) -> None:
        """Waits until the page has asked for all it shows at first."""
        self.page.wait_for_selector("html[data-ready=yes]")

    def painted(self) -> None:
        """Waits until all tiles are there."""
        self.page.wait_for_selector("#map[data-state=ready]")
        self.page.evaluate(_TWO_FRAMES)
        self.page.wait_for_selector("#map[data-state=ready]")

    def drop(self, *paths: Path) -> None:
        """Files that are dropped on the page."""
        given = [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in paths]
        files = self.page.evaluate_handle(_GIVE, given)
        for event in ("dragenter", "dragover", "drop"):
            self.page.dispatch_event("body", event, {"dataTransfer": files})

    def tab(self, name: str) -> None:
        self.page.click(f"#tab-{name}")

    def done(self) -> None:
        """Waits until the job that is shown is done."""
        self.page.wait_for_selector("#panel-result[data-state=done]", state="attached")

    def opaque(self) -> None:
        """The map without the scene below it."""
        self.tab("result")
        self.page.fill("[data-key=opacity]", "100")
        self.painted()

    def pixels(self) -> NDArray[np.uint8]:
        """The viewer as (H, W, 3)."""
        shot = self.page.locator("#map canvas").first.screenshot(animations="disabled")
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))

    def serious(self) -> list[Any]:
        """What axe finds that hinders people."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate(_AXE)
        return [violation for violation in found if violation[0] in ("serious", "critical")]

    def close(self) -> None:
        self.context.close()


def share_of(pixels: NDArray[np.uint8], colors: list[str]) -> float:
    """The share of pixels that have one of the colours, `#rrggbb`."""
    known = np.array([[int(color[k : k + 2], 16) for k in (1, 3, 5)] for color in colors])
    return float((np.abs(pixels[:, :, None].astype(int) - known).max(axis=-1) <= 3).any(axis=-1).mean())


def at(job: Any) -> str:
    """The end of the address that shows a job."""
    return f"#scene={job['scene']}&job={job['id']}"
