from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from smalti.card import Card, Task
from smalti.deploy.onnx import ExportedNet, export_model
from smalti.deploy.parity import LIMIT, blobs
from smalti.nets.build import Model, build
from smalti.runtime.open import open_model
from tests.needs import need_engine

pytestmark = pytest.mark.slow  # writing a graph takes seconds


def settled(card: Card) -> Model:
    """A net as training leaves it: norms that fit their maps, answers neither even nor saturated, and a flow that moves
    by pixels; at its random start it hardly moves at all, and a wrong warp would pass."""
    torch.manual_seed(0)
    model = build(card).train()
    flow, last = model.get_submodule("net.split.flow"), model.get_submodule("net.class_head")[-1]
    flows: list[torch.Tensor] = []
    hook = flow.register_forward_hook(lambda _module, _inputs, output: flows.append(output))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # plain mean over all batches
    with torch.inference_mode():
        image = torch.from_numpy(blobs(card, (2, 256, 256), np.random.default_rng(0))).float()
        model(image)
        flow.weight.data *= 1 / flows[-1].std()
        for _ in range(2):
            model(image)
        last.weight.data *= 1 / model.eval()(image)["landcover"].std()
    hook.remove()
    assert flows[-1].abs().max() > 2
    return model


@pytest.mark.parametrize("net", ["ued_bes_sfm"])  # it holds all parts of the other two; a capture takes 10 to 20 s
def test_flow_warp_is_right_at_every_size_and_engine(net: str, tmp_path: Path) -> None:
    card = Card(name=net, net=net, tasks=(Task(name="landcover", labels=tuple("abcdef")),))
    model = settled(card)
    path = tmp_path / "net.onnx"
    assert export_model(model, card, path).difference < LIMIT
    assert path.stat().st_size < 12e6
    for engine in ("onnx", "openvino"):
        need_engine(engine)
        predict = open_model(str(path), engine)  # type: ignore[arg-type]
        for shape in [(2, 32, 32), (1, 97, 161), (1, 512, 512), (1, 1024, 768)]:
            pixels = blobs(card, shape, np.random.default_rng(1))
            with torch.inference_mode():
                (expected,) = ExportedNet(model, card)(torch.from_numpy(pixels).float())
            np.testing.assert_allclose(predict(pixels)["landcover"], expected.numpy(), atol=LIMIT)
