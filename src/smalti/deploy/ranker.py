"""A ranker as one `.onnx` file: picture and cues in, score and embedding out, any number of photos at once."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from smalti.card import Card
from smalti.deploy.onnx import check_finite, clean, graph_of
from smalti.deploy.parity import GraphComparison, Parity, blobs, noise
from smalti.errors import ExportError
from smalti.files import write_whole
from smalti.runtime.models import ModelFile, sealed
from smalti.runtime.ranker import EMBEDDING, Ranker
from smalti.watch import Say, silent

_EXAMPLE = 3  # photos; not 1, which torch bakes in


class _ExportedRanker(nn.Module):
    """The ranker as exported: score N,1 and embedding N,D, without preferences of pairs."""

    def __init__(self, model: nn.Module, task: str) -> None:
        super().__init__()
        self.model, self.task = model, task

    def forward(self, image: Tensor, cues: Tensor) -> tuple[Tensor, Tensor]:
        """Raw pictures N,3,side,side and cues N,K."""
        outputs = self.model(image, cues)
        return outputs[self.task], outputs[EMBEDDING]


def export_ranker(model: nn.Module, card: Card, out: Path, say: Say = silent) -> Parity:
    """Writes a ranker as one sealed `.onnx` file; ExportError and no file if it has no scores or the outputs differ.

    `say` is as in `export_model`.
    """
    if card.net != "ranker":
        raise ExportError(f"{out}: not written: net {card.net} compares pairs and has no score per photo; use ranker")
    check_finite(model, out)
    task, side, count = card.tasks[0].name, card.tile, len(card.options["cues"])
    answers = _ExportedRanker(model, task).eval().float()
    inputs = {"image": torch.zeros(_EXAMPLE, len(card.bands), side, side), "cues": torch.zeros(_EXAMPLE, count)}
    batch = torch.export.Dim("batch", min=1)
    say(f"capturing the graph of {card.net}; that takes seconds to minutes")
    graph = graph_of(answers, inputs, {name: {0: batch} for name in inputs}, [task, EMBEDDING], card.net)
    content, digest = sealed(clean(graph), out, card)
    say("comparing its outputs with torch's")
    parity = _compare(answers, Ranker(ModelFile(out, content, card, digest)), card, out)
    write_whole(out, content)
    return parity


def _compare(answers: nn.Module, ranker: Ranker, card: Card, out: Path) -> Parity:
    """The largest difference of scores (relative to the largest where that is above 1) and embeddings."""

    def graph(image: np.ndarray, cues: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scores, embeddings = ranker(image, cues)
        return scores[:, None], embeddings

    compare = GraphComparison(answers, graph, str(out))
    random = np.random.default_rng(0)
    shapes = tuple((batch, card.tile, card.tile) for batch in (1, _EXAMPLE))
    for shape in shapes:
        for kind, make in (("noise", noise), ("image", blobs)):
            cues = random.standard_normal((shape[0], len(ranker.cues))).astype(np.float32)
            compare(f"{shape[0]} photos of {kind}", make(card, shape, random), cues)
    return Parity(compare.difference, shapes, compare.rounding)
