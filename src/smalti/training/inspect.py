"""The inner maps of a net with body and edge, as further tasks of a predictor, for inspection."""

import numpy as np
import torch

from smalti.arrays import Floats, Pixels
from smalti.card import Card, Task
from smalti.nets.build import Model
from smalti.nets.segmentation.bes import UEDBES
from smalti.nets.segmentation.sfm import UEDBESSFM
from smalti.training.predict import TorchPredictor


class InsidePredictor(TorchPredictor):
    """A `Predictor` that also predicts `TASK/body`, `TASK/edge` and, where there is one, the fusion's `TASK/score`."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        assert isinstance(model.net, UEDBES)
        self._net = model.net
        plain = model.card.task(model.net.task)
        more = [plain.model_copy(update={"name": f"{plain.name}/body"})]
        kinds = ("edge", "score") if isinstance(model.net, UEDBESSFM) else ("edge",)
        more += [Task(name=f"{plain.name}/{kind}", kind="value") for kind in kinds]
        self._card = model.card.model_copy(update={"tasks": (*model.card.tasks, *more)})

    @property
    def card(self) -> Card:
        """The model's card, with further tasks after its own."""
        return self._card

    @torch.inference_mode()
    def __call__(self, batch: Pixels) -> dict[str, Floats]:
        """Raw pixels (N, C, H, W) to one float32 array (N, K, H, W) per task."""
        pixels = torch.from_numpy(np.ascontiguousarray(batch, np.float32)).to(self._device)
        inside = self._net.inside(self._model.normalise(pixels))
        return self.predict(pixels) | {name: maps.float().cpu().numpy() for name, maps in inside.items()}


def look_inside(model: Model) -> TorchPredictor:
    """A predictor with all inner maps that the net has."""
    return InsidePredictor(model) if isinstance(model.net, UEDBES) else TorchPredictor(model)
