"""A torch model seen as any other engine, so that validation and `smalti evaluate` count alike."""

import numpy as np
import torch

from smalti.blend import Floats
from smalti.card import Card
from smalti.nets.build import Model
from smalti.scene import Pixels


class TorchPredictor:
    """A `Predictor`: raw pixels in, probabilities of classes out. Puts the model into evaluation mode."""

    def __init__(self, model: Model) -> None:
        self._model = model.eval()
        self._device = next(model.parameters()).device

    @property
    def card(self) -> Card:
        """The model's card."""
        return self._model.card

    @torch.inference_mode()
    def __call__(self, batch: Pixels) -> dict[str, Floats]:
        """Raw pixels (N, C, H, W) to one float32 array (N, K, H, W) per task."""
        return self.answer(torch.from_numpy(np.ascontiguousarray(batch, np.float32)).to(self._device))

    def answer(self, pixels: torch.Tensor) -> dict[str, Floats]:
        """Raw pixels on the model's device to the same."""
        answers = self._model(pixels)
        kinds = {task.name: task.kind for task in self._model.card.tasks}
        return {
            name: (answers[name].softmax(1) if kind == "classes" else answers[name]).float().cpu().numpy()
            for name, kind in kinds.items()
        }
