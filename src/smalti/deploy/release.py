"""From a trained checkpoint to the file for distribution: net, weights, card and measured scores in one."""

import json
from pathlib import Path

from pydantic import BaseModel, ValidationError

from smalti.card import Card, Score
from smalti.deploy.onnx import export_model
from smalti.deploy.parity import Parity
from smalti.deploy.ranker import export_ranker
from smalti.errors import DataError, ModelError, OutputError, reason
from smalti.training.kinds.pixels.settings import PixelRecipe
from smalti.training.predict import load_model
from smalti.training.unlike import find_unlike
from smalti.watch import Say, Watch, silent, unwatched


def export_checkpoint(
    checkpoint: str | Path,
    out: str | Path,
    scores: str | Path | None = None,
    say: Say = silent,
    *,
    calibration: str | Path | None = None,
    unlike: PixelRecipe | None = None,
    watch: Watch = unwatched,
) -> Parity:
    """Writes a checkpoint folder as one sealed `.onnx` file and returns how well both agree.

    `scores` is the JSON file of an evaluation; its scores and protocols enter the card. `calibration` is another
    one, on validation data; its temperatures enter the card. `unlike` is the recipe that the model was trained with:
    its data teach the card to tell what is unlike them. ModelError for a damaged checkpoint, or one that was trained
    without labels and predicts hidden pixels; DataError for an unusable evaluation or unusable data, ExportError if
    the outputs differ, OutputError if unwritable.
    """
    out = Path(out)
    if not out.parent.is_dir():
        raise OutputError(f"{out}: there is no folder {out.parent}; create it first")
    model = load_model(Path(checkpoint))
    if model.card.net == "masked":
        raise ModelError(
            f"{checkpoint}: was trained without labels and makes no map; "
            "train one that starts from its encoder.safetensors (net.encoder_weights)"
        )
    card = model.card if scores is None else with_scores(model.card, Path(scores))
    card = card if calibration is None else with_temperatures(card, Path(calibration))
    if unlike is not None:
        card = card.model_copy(update={"unlike": find_unlike(model, unlike, watch)})
    export = export_ranker if card.tasks[0].kind == "score" else export_model
    return export(model, card, out, say)


class _Evaluation(BaseModel):
    """The part of an evaluation's JSON that is stored in a card."""

    scores: tuple[Score, ...]


class _Calibration(BaseModel):
    temperature: float


class _Calibrated(BaseModel):
    """The calibration of one task in an evaluation's JSON."""

    calibration: _Calibration | None = None


class _Calibrations(_Calibrated):
    """The calibrations in an evaluation's JSON: of its only task, or of several by name."""

    model: str
    task: str = ""
    tasks: dict[str, _Calibrated] = {}

    def temperatures(self) -> dict[str, float]:
        """By task."""
        found = self.tasks or {self.task: self}
        return {name: each.calibration.temperature for name, each in found.items() if each.calibration}


def with_scores(card: Card, path: Path) -> Card:
    """The card with the measured scores of an evaluation's JSON file; DataError if it holds none."""
    try:
        scores = _Evaluation.model_validate(json.loads(path.read_text(encoding="utf-8"))).scores
    except OSError as error:
        raise DataError(f"{path}: the scores cannot be read: {reason(error)}") from None
    except (ValidationError, ValueError):
        raise DataError(f"{path}: no scores with name, value and protocol; give the JSON of smalti evaluate") from None
    return card.model_copy(update={"origin": card.origin.model_copy(update={"scores": scores})})


def with_temperatures(card: Card, path: Path) -> Card:
    """The card with the temperatures of an evaluation's JSON file; DataError if it holds none for the card's tasks."""
    try:
        found = _Calibrations.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise DataError(f"{path}: the calibration cannot be read: {error.strerror}") from None
    except (ValidationError, ValueError):
        raise DataError(f"{path}: no calibration; give the JSON of smalti evaluate on validation data") from None
    if found.model != card.name:
        raise DataError(f"{path}: it evaluates model {found.model}, expected {card.name}, the model of the checkpoint")
    hot = found.temperatures()
    if not hot.keys() & {task.name for task in card.tasks if task.has_classes}:
        raise DataError(f"{path}: no calibration of a task of classes of {card.name}; evaluate with labels of classes")
    tasks = tuple(task.model_copy(update={"temperature": hot.get(task.name)}) for task in card.tasks)
    return card.model_copy(update={"tasks": tasks})
