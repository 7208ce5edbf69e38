from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from smalti.card import Card, Task
from smalti.deploy.parity import LIMIT
from smalti.deploy.ranker import export_ranker
from smalti.errors import ExportError
from smalti.nets.build import Model, build
from smalti.runtime.ranker import open_ranker

pytestmark = pytest.mark.slow  # writing a graph takes seconds

NAMES = ["focus", "light", "lean"]


def made(net: str = "ranker") -> tuple[Model, Card]:
    torch.manual_seed(0)
    options = {"cues": NAMES, "encoder": "mobilenetv2", "width": 0.25}
    card = Card(name="small", net=net, options=options, tile=64, overlap=0, tasks=(Task(name="score", kind="score"),))
    return build(card), card


def test_the_file_scores_like_torch_for_any_number_of_photos(tmp_path: Path) -> None:
    model, card = made()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 2)  # type: ignore[arg-type]
    path = tmp_path / "small.onnx"
    assert export_ranker(model, card, path).difference < LIMIT
    ranker = open_ranker(str(path), NAMES, threads=1)
    random = np.random.default_rng(1)
    for count in (1, 2, 7):
        images = random.integers(0, 255, (count, 3, 64, 64), np.uint8)
        cues = random.standard_normal((count, 3)).astype(np.float32)
        scores, embeddings = ranker(images, cues)
        with torch.inference_mode():
            expected = model.eval()(torch.from_numpy(images), torch.from_numpy(cues))
        np.testing.assert_allclose(scores, expected["score"][:, 0].numpy(), atol=LIMIT)
        np.testing.assert_allclose(embeddings, expected["embedding"].numpy(), atol=LIMIT)
    assert [file.name for file in tmp_path.iterdir()] == ["small.onnx"]


def test_nets_without_scores_and_lost_weights_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="has no score per photo"):
        export_ranker(*made("siamese"), tmp_path / "pairs.onnx")
    model, card = made()
    model.net.cues.std.data.fill_(float("nan"))  # type: ignore[union-attr]
    with pytest.raises(ExportError, match="is not finite"):
        export_ranker(model, card, tmp_path / "lost.onnx")
    assert not list(tmp_path.iterdir())
