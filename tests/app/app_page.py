"""The app in a real browser: a server of its own, and a page that is open in it."""

import base64
import io
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

TOKEN = "a-token-for-tests-0123456789"
AXE = Path(__file__).with_name("vendor") / "axe" / "axe.min.js"
_GIVE = """([name, content]) => {
  const files = new DataTransfer();
  files.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name));
  return files;
}"""
_AXE = "async () => (await axe.run()).violations.map((v) => [v.impact, v.id, v.nodes.map((n) => n.html)])"


class Server:
    """`smalti serve` as a process that can be killed and started again."""

    def __init__(self, data: Path, root: Path) -> None:
        self._data, self._root, self._port = data, root, "0"
        self.address = ""
        self.start()

    def start(self) -> None:
        """Starts it; again on the same port."""
        options = ["--data", str(self._data), "--root", str(self._root), "--port", self._port]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "smalti", "serve", *options],
            env=os.environ | {"SMALTI_TOKEN": TOKEN},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        found = None
        while found is None:
            line = self._process.stdout.readline()
            assert line, "the server ended"
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        self.address, self._port = found[0], found[1]
        while not self._answers():
            assert self._process.poll() is None, "the server ended"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/health") as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        """Ends it as a power cut does."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class AppPage:
    """A page that is open in a browser of its own storage; `problems` are what its console says."""

    def __init__(self, browser: Any, server: Server, at: str = "", **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1100, "height": 720}, **options})
        self.context.set_default_timeout(120_000)
        self.page = self.context.new_page()
        self.problems: list[str] = []
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.goto(f"{server.address}/?token={TOKEN}{at}")
        self.ready()

    def ready(self) -> None:
        """Waits until the page has asked for all it shows at first."""
        self.page.wait_for_selector("html[data-ready=yes]")

    def painted(self) -> None:
        """Waits until all tiles are there."""
        self.page.wait_for_selector("#map[data-state=ready]")
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        self.page.wait_for_selector("#map[data-state=ready]")

    def drop(self, path: Path) -> None:
        """A file that is dropped on the page."""
        content = base64.b64encode(path.read_bytes()).decode()
        files = self.page.evaluate_handle(_GIVE, [path.name, content])
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
