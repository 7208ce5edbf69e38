"""From a trained checkpoint to the file for distribution: net, weights, card and measured scores in one."""

import json
from pathlib import Path

from pydantic import BaseModel, ValidationError

from smalti.card import Card, Score
from smalti.deploy.onnx import export_model
from smalti.deploy.parity import Parity
from smalti.deploy.ranker import export_ranker
from smalti.errors import DataError, OutputError, reason
from smalti.training.predict import load_model
from smalti.watch import Say, silent


def export_checkpoint(
    checkpoint: str | Path, out: str | Path, scores: str | Path | None = None, say: Say = silent
) -> Parity:
    """Writes a checkpoint folder as one sealed `.onnx` file and returns how well both agree.

    `scores` is the JSON file of an evaluation; its scores and protocols enter the card. ModelError for a damaged
    checkpoint, DataError for an unusable evaluation, ExportError if the outputs differ, OutputError if unwritable.
    """
    out = Path(out)
    if not out.parent.is_dir():
        raise OutputError(f"{out}: there is no folder {out.parent}; create it first")
    model = load_model(Path(checkpoint))
    card = model.card if scores is None else with_scores(model.card, Path(scores))
    export = export_ranker if card.tasks[0].kind == "score" else export_model
    return export(model, card, out, say)


class _Evaluation(BaseModel):
    """The part of an evaluation's JSON that is stored in a card."""

    scores: tuple[Score, ...]


def with_scores(card: Card, path: Path) -> Card:
    """The card with the measured scores of an evaluation's JSON file; DataError if it holds none."""
    try:
        scores = _Evaluation.model_validate(json.loads(path.read_text(encoding="utf-8"))).scores
    except OSError as error:
        raise DataError(f"{path}: the scores cannot be read: {reason(error)}") from None
    except (ValidationError, ValueError):
        raise DataError(f"{path}: no scores with name, value and protocol; give the JSON of smalti evaluate") from None
    return card.model_copy(update={"origin": card.origin.model_copy(update={"scores": scores})})
