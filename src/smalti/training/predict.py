"""A trained model, loaded from its checkpoint and wrapped like any other engine, so that all are scored alike."""

from pathlib import Path

import numpy as np
import torch

from smalti.arrays import Floats, Pixels
from smalti.card import UNLIKE, Card
from smalti.errors import ModelError
from smalti.nets.build import Model, build
from smalti.nets.randomness import own_random
from smalti.nets.unlike import Unlikeness, find_encoder, kept_maps
from smalti.training.checkpoint import load_checkpoint
from smalti.training.process import torch_threads


def load_model(folder: Path) -> Model:
    """The model of a checkpoint, on the CPU; ModelError if it is damaged or its weights are for another net."""
    card, weights = load_checkpoint(folder)
    with own_random():  # for weights that are replaced at once
        model = build(card)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:  # torch lists every tensor on a line of its own
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{folder}: its weights do not match the net {card.net} of its card: {reason}") from None
    return model


class TorchPredictor:
    """A `Predictor`: raw pixels to class probabilities and values. Puts the model into evaluation mode.

    `threads` of the CPU it computes with; None for as many as torch uses otherwise.
    """

    def __init__(self, model: Model, threads: int | None = None) -> None:
        self._model, self._threads = model.eval(), threads
        self._device = next(model.parameters()).device
        numbers = model.card.unlike
        self._unlike = Unlikeness(numbers).to(self._device) if numbers else None

    @property
    def card(self) -> Card:
        """The model's card."""
        return self._model.card

    @torch.inference_mode()
    def __call__(self, batch: Pixels) -> dict[str, Floats]:
        """Raw pixels (N, C, H, W) to one float32 array (N, K, H, W) per task, (N, K) for tasks of whole images."""
        return self.predict(torch.from_numpy(np.ascontiguousarray(batch, np.float32)).to(self._device))

    def predict(self, pixels: torch.Tensor) -> dict[str, Floats]:
        """Raw pixels (N, C, H, W) on the model's device to the result of `__call__`."""
        with torch_threads(self._threads):
            return {name: found.float().cpu().numpy() for name, found in self._outputs(pixels).items()}

    def _outputs(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        card = self._model.card
        if self._unlike is None:
            return self._tasks(pixels)
        with kept_maps(find_encoder(self._model, card)) as maps:
            found = self._tasks(pixels)
        return found | {UNLIKE: self._unlike(maps[0], found[card.class_task().name])}

    def _tasks(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        outputs = self._model(pixels)
        found = ((task, outputs[task.name]) for task in self._model.card.tasks)
        return {task.name: output.softmax(1) if task.has_classes else output for task, output in found}
