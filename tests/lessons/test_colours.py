from pathlib import Path

import numpy as np
import pytest

from smalti.lessons.colours import STEP, WINDOWS
from smalti.lessons.network import TeachableNetwork
from smalti.runtime.models import BUNDLED, verify


def test_the_last_map_has_means_and_spreads_of_the_pixels() -> None:
    model = verify(Path(BUNDLED) / "landcover.onnx")
    pixels = np.random.default_rng(0).integers(0, 255, (3, 128, 160)).astype(np.uint8)
    found = TeachableNetwork(model, 1)(pixels).maps[-1]
    shown = (pixels * model.card.scale - np.array(model.card.mean)[:, None, None]) / np.array(model.card.std)[
        :, None, None
    ]
    assert found.shape == (3 * (2 + 2 * len(WINDOWS)), 128 // STEP, 160 // STEP)
    row, col = 12, 20
    for block, side in enumerate((1, *WINDOWS)):
        top, left, size = STEP * (row - side // 2), STEP * (col - side // 2), STEP * side
        window = shown[:, top : top + size, left : left + size]
        mean, spread = found[6 * block : 6 * block + 3, row, col], found[6 * block + 3 : 6 * block + 6, row, col]
        np.testing.assert_allclose(mean, window.mean(axis=(1, 2)), atol=1e-4)
        np.testing.assert_allclose(spread, window.std(axis=(1, 2)), atol=1e-3)


def test_an_image_of_one_colour_has_no_spread() -> None:
    found = TeachableNetwork(verify(Path(BUNDLED) / "landcover.onnx"), 1)(np.full((3, 64, 64), 200, np.uint8)).maps[-1]
    assert found[3:6].max() == pytest.approx(0.01, abs=2e-3)
