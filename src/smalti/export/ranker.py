"""A ranker as one `.onnx` file: picture and cues in, score and embedding out, any number of photos at once."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from smalti.card import Card
from smalti.errors import ExportError
from smalti.export.onnx import check_finite, clean, graph_of
from smalti.export.parity import BATCHES, LIMIT, Parity, blobs, noise
from smalti.jobs import write_whole
from smalti.runtime.models import ModelFile, sealed
from smalti.runtime.ranker import EMBEDDING, Ranker

_EXAMPLE = 3  # photos; not 1, which torch bakes in


class _Answers(nn.Module):
    """What the graph computes: score N,1 and embedding N,D; nothing about pairs."""

    def __init__(self, model: nn.Module, task: str) -> None:
        super().__init__()
        self.model, self.task = model, task

    def forward(self, image: Tensor, cues: Tensor) -> tuple[Tensor, Tensor]:
        """Raw pictures N,3,side,side and cues N,K."""
        answers = self.model(image, cues)
        return answers[self.task], answers[EMBEDDING]


def export_ranker(model: nn.Module, card: Card, out: Path) -> Parity:
    """Writes a ranker as one sealed `.onnx` file; ExportError and no file if it has no scores or the answers differ."""
    if card.net != "ranker":
        raise ExportError(f"{out}: not written: net {card.net} compares pairs and has no score of a photo; use ranker")
    check_finite(model, out)
    task, side, count = card.tasks[0].name, card.tile, len(card.options["cues"])
    answers = _Answers(model, task).eval().float()
    inputs = {"image": torch.zeros(_EXAMPLE, len(card.bands), side, side), "cues": torch.zeros(_EXAMPLE, count)}
    batch = torch.export.Dim("batch", min=1)
    graph = graph_of(answers, inputs, {name: {0: batch} for name in inputs}, [task, EMBEDDING], card.net)
    content, digest = sealed(clean(graph), out, card)
    parity = _compare(answers, Ranker(ModelFile(out, content, card, digest)), card)
    write_whole(out, content)
    return parity


def _compare(answers: nn.Module, ranker: Ranker, card: Card) -> Parity:
    """The largest difference of scores (relative to the largest where that is above 1) and embeddings."""
    random = np.random.default_rng(0)
    shapes = tuple((batch, card.tile, card.tile) for batch in BATCHES)
    worst = 0.0
    for shape in shapes:
        for make in (noise, blobs):
            image = make(card, shape, random)
            cues = random.standard_normal((shape[0], len(ranker.cues))).astype(np.float32)
            with torch.inference_mode():
                expected, place = (part.numpy() for part in answers(torch.from_numpy(image), torch.from_numpy(cues)))
            scores, embeddings = ranker(image, cues)
            differences = (np.abs(scores - expected[:, 0]) / max(1, np.abs(expected).max()), np.abs(embeddings - place))
            worst = float(np.max([worst, *(part.max() for part in differences)]))  # unlike max(), keeps NaN
    if not worst < LIMIT:
        raise ExportError(f"{ranker.card.name}: not written: the graph differs from the net by {worst:.2g}")
    return Parity(worst, shapes)
