from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from smalti.card import Card, Task
from smalti.scene import predict_scene
from smalti.tiling import Window


def small_card(tile: int = 16, overlap: int = 4, bands: int = 1) -> Card:
    return Card(
        name="small",
        net="none",
        bands=("red", "green", "blue")[:bands],
        mean=(0.5,) * bands,
        std=(1.0,) * bands,
        tile=tile,
        overlap=overlap,
        stride=1,
        tasks=(Task(name="cover", labels=("low", "middle", "high")),),
    )


@dataclass
class Threshold:
    """Soft classes of single pixels: an answer that does not depend on the tiling."""

    card: Card = field(default_factory=small_card)
    calls: int = 0

    def __call__(self, batch: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
        self.calls += 1
        x = batch[:, 0].astype(np.float32) / 255  # N,H,W
        p = np.stack([1 - x, x * 0.3, x * 0.7], 1)
        return {"cover": p}


class Scene:
    """A scene in memory, mirrored beyond its border, that collects what is written."""

    def __init__(self, height: int, width: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.pixels = rng.integers(0, 256, (1, height, width), np.uint8)
        self.valid = np.ones((height, width), bool)
        self.values = np.full((3, height, width), np.nan, np.float32)
        self.written = np.zeros((height, width), int)
        self.valid_seen = np.zeros((height, width), bool)

    def read(self, window: Window) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        height, width = self.valid.shape
        pad = (0, max(0, window.bottom - height)), (0, max(0, window.right - width))
        rows, cols = window.slices()
        pixels = np.pad(self.pixels[:, rows, cols], ((0, 0), *pad), mode="symmetric")
        return pixels, np.pad(self.valid[rows, cols], pad, mode="symmetric")

    def write(self, window: Window, values: dict[str, np.ndarray[Any, Any]], valid: np.ndarray[Any, Any]) -> None:
        self.values[:, *window.slices()] = values["cover"]
        self.written[window.slices()] += 1
        self.valid_seen[window.slices()] = valid


SIZES = [(1, 1), (1, 50), (16, 16), (17, 15), (28, 29), (33, 90), (71, 40)]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_pointwise_answers_come_back_whatever_the_size(height: int, width: int) -> None:
    scene, predict = Scene(height, width), Threshold()
    summary = predict_scene(scene.read, predict, scene.write, height, width)
    expected = predict(scene.pixels[None])["cover"][0]
    np.testing.assert_allclose(scene.values, expected, atol=1e-6)
    assert (scene.written == 1).all()
    assert summary.pixels == height * width
