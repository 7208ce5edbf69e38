"""A net in integers as `smalti shrink` writes it: bytes enter as they are, and answers leave before the upsampling."""

from pathlib import Path

import numpy as np
import pytest

from smalti.arrays import Pixels
from smalti.card import Card, Task
from smalti.deploy.calibration_tiles import drawn_tiles
from smalti.deploy.onnx import ExportedNet, card_graph, clean
from smalti.deploy.shrink.early import with_early_softmax
from smalti.deploy.shrink.quantize import Quantizer
from smalti.nets.build import build
from smalti.predicting import predict_reader
from smalti.products import best_class
from smalti.raster.array import ArrayReader
from smalti.runtime.models import ModelFile
from smalti.runtime.onnx import OnnxPredictor, exact_here, start
from smalti.runtime.parts import parts_of
from smalti.scene import Predictor
from tests.coarse import MIDDLE
from tests.mapping.test_coarse import Whole

CARD = Card(
    name="fast",
    net="fpn",
    options={"width": 0.5},
    mean=(MIDDLE,) * 3,
    std=(127.5 / 255,) * 3,
    tile=256,
    overlap=64,
    tasks=(Task(name="landcover", labels=tuple("abcde")),),
)


@pytest.fixture(scope="module")
def model() -> ModelFile:
    """A net with random weights; its calibration has seen neither the darkest nor the brightest pixels."""
    graph = with_early_softmax(clean(card_graph(ExportedNet(build(CARD, seed=0).eval(), CARD).eval())))
    assert graph is not None
    tiles = [tile.clip(20, 230) for tile in drawn_tiles(CARD, [1])]
    return ModelFile(Path("fast.onnx"), Quantizer(graph, CARD, tiles).quantized(), CARD, "")


def classes(pixels: Pixels, predict: Predictor) -> np.ndarray:
    found = np.empty(pixels.shape[1:], np.uint8)

    def write(window, values, valid) -> None:  # type: ignore[no-untyped-def]
        found[window.slices()] = best_class(values["landcover"])

    predict_reader(ArrayReader(pixels), predict, write)
    return found


@pytest.mark.slow
def test_its_answers_are_those_of_its_whole_graph(model: ModelFile) -> None:
    parts = parts_of(model)
    assert parts.beginning is not None and parts.beginning.exact and parts.ending is not None
    [tile] = drawn_tiles(CARD, [2])
    [whole] = start(exact_here(model).content, model.path, 1).run(["landcover"], {"image": tile.astype(np.float32)})
    np.testing.assert_array_equal(OnnxPredictor(model, 1)(tile)["landcover"], whole)


@pytest.mark.slow
def test_its_maps_are_those_of_its_whole_graph(model: ModelFile) -> None:
    """In one tile but for rounding; where tiles overlap, but for weights that change within a coarse pixel."""
    predict = OnnxPredictor(model, 1)
    pixels = np.concatenate([tile[0] for tile in drawn_tiles(CARD, [3, 4])], axis=2)[:, :, :480]
    tile = pixels[:, :, :256]
    assert (classes(tile, predict) != classes(tile, Whole(predict))).mean() < 1e-4
    assert (classes(pixels, predict) != classes(pixels, Whole(predict))).mean() < 1e-3
