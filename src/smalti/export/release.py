"""From a trained checkpoint to the file that is handed on: net, weights, card and measured scores in one."""

import json
from pathlib import Path

from pydantic import BaseModel, ValidationError

from smalti.card import Card, Score
from smalti.errors import DataError, ModelError, OutputError
from smalti.export.onnx import export_model
from smalti.export.parity import Parity
from smalti.export.ranker import export_ranker
from smalti.nets.build import build
from smalti.training.checkpoint import load_checkpoint


def export_checkpoint(checkpoint: str | Path, out: str | Path, scores: str | Path | None = None) -> Parity:
    """Writes a checkpoint folder as one sealed `.onnx` file and tells how well both agree.

    `scores` is the JSON file of an evaluation; its scores and protocols enter the card. ModelError for a damaged
    checkpoint, DataError for an unusable evaluation, ExportError if the answers differ, OutputError if unwritable.
    """
    out = Path(out)
    if not out.parent.is_dir():
        raise OutputError(f"{out}: there is no folder {out.parent}; make it first")
    card, weights = load_checkpoint(Path(checkpoint))
    if scores is not None:
        card = with_scores(card, Path(scores))
    model = build(card)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:  # torch lists every tensor on a line of its own
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{checkpoint}: its weights do not fit the net {card.net} of its card: {reason}") from None
    export = export_ranker if card.tasks[0].kind == "score" else export_model
    return export(model, card, out)


class _Evaluation(BaseModel):
    """The part of an evaluation's JSON that a card carries on."""

    scores: tuple[Score, ...]


def with_scores(card: Card, path: Path) -> Card:
    """The card with the measured scores of an evaluation's JSON file; DataError if it holds none."""
    try:
        scores = _Evaluation.model_validate(json.loads(path.read_text(encoding="utf-8"))).scores
    except OSError as error:
        raise DataError(f"{path}: the scores cannot be read: {error.strerror}") from None
    except (ValidationError, ValueError):
        raise DataError(f"{path}: no scores with name, value and protocol; give the JSON of smalti evaluate") from None
    return card.model_copy(update={"origin": card.origin.model_copy(update={"scores": scores})})
