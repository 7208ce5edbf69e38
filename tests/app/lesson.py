"""A lesson on a small scene, for tests: noise at the right, a smooth ramp at the left."""

import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.app.conftest import Server
from tests.lessons.places import LINES, noisy_scene

COLORS = {"smooth": "#10A0F0", "noise": "#F02080"}


@dataclass
class Taught:
    """A lesson, as a test sees it."""

    server: Server
    id: str
    scene: str

    @property
    def path(self) -> str:
        return f"/api/lessons/{self.id}"

    @property
    def strokes(self) -> str:
        return f"{self.path}/scenes/{self.scene}/strokes"

    @property
    def folder(self) -> Path:
        return self.server.services.folders.lesson(self.id)

    def now(self) -> dict[str, Any]:
        found: dict[str, Any] = self.server.http.get(self.path).json()
        return found

    def post(self, path: str = "", **body: Any) -> Any:
        answer = self.server.http.post(f"{self.path}{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def paint(self, label: str, line: list[list[float]], size: float = 8) -> dict[str, Any]:
        body = {"class": label, "line": line, "size": size}
        answer = self.server.http.post(self.strokes, json=body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def classes(self, *added: str, **renamed: str) -> dict[str, Any]:
        """Renames classes of the lesson, and adds new ones."""
        kept = [
            {"name": renamed.get(each["name"], each["name"]), "color": each["color"], "was": each["name"]}
            for each in self.now()["classes"]
        ]
        new = [{"name": name, "color": COLORS[name], "was": None} for name in added]
        answer = self.server.http.put(f"{self.path}/classes", json={"classes": kept + new})
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def paint_all(self, land: str = "smooth") -> None:
        """Strokes of two classes."""
        for a, b, c, d, name in LINES:
            self.paint(land if name == "smooth" else name, [[a, b], [c, d]])

    def live(self) -> np.ndarray[Any, Any]:
        """The live map as it is when all of it is up to date, (192, 192, 4)."""
        end = time.monotonic() + 120
        while self.server.http.get(f"{self.path}/scenes/{self.scene}/shown").json()["left"]:
            assert time.monotonic() < end, "the live map is not up to date"
            time.sleep(0.02)
        answer = self.server.http.get(f"{self.path}/scenes/{self.scene}/tiles/0/0/0.png")
        assert answer.headers["content-type"] == "image/png"
        return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))[:192, :192]


def begin(server: Server, scene: dict[str, Any], **more: Any) -> Taught:
    """A new lesson with the bundled model."""
    answer = server.http.post("/api/lessons", json={"scene": scene["id"], **more})
    assert answer.status_code == 201, answer.text
    return Taught(server, answer.json()["id"], scene["id"])


def noisy(server: Server, name: str = "noisy.tif", **more: Any) -> dict[str, Any]:
    return server.upload(noisy_scene(server.folder / name, **more))
