"""Training of nets that answer classes per pixel: windows in, whole validation images scored."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from smalti.card import Card
from smalti.data.pixels.sample import Sample
from smalti.errors import DataError
from smalti.evaluation import ClassResult, Pair, evaluate
from smalti.losses import make_loss
from smalti.metrics import Confusion, Scores
from smalti.nets.build import Model
from smalti.text import count
from smalti.training.kinds.pixels.segmentation_settings import SegmentationRecipe
from smalti.training.kinds.pixels.work import PixelWork
from smalti.training.predict import TorchPredictor
from smalti.training.work import Conclusion

SCORES = ("miou", "mf1", "oa")


class SegmentationWork(PixelWork[SegmentationRecipe]):
    """See `PixelWork`."""

    selectable = SCORES

    def __init__(self, recipe: SegmentationRecipe, card: Card) -> None:
        super().__init__(recipe, card)
        self.loss = make_loss(recipe.loss, card.tasks[0])

    def terms(self, model: Callable[..., Any], batch: Sample) -> dict[str, Tensor]:
        """See `Work`."""
        return self.loss(*self.answers(model, batch))

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Whole images, shared among processes, their counts summed before anything is divided."""
        assert isinstance(model, Model)
        counts = self._count(model)
        counts.counts = self.team.sum(torch.from_numpy(counts.counts)).numpy()
        if not counts.counts.any():
            raise DataError("validation: no pixel with a label; nothing to score")
        return _scores(counts.scores(self.card.tasks[0].labels))

    def _count(self, model: Model) -> Confusion:
        """The counts of this process's share of the images."""
        team, nothing = self.team, Confusion(len(self.card.tasks[0].labels))
        pairs = self.split.validation[team.rank :: team.size]
        if not pairs:
            return nothing
        try:
            [found] = evaluate(TorchPredictor(model), pairs, data="validation", boundary=None)
            assert isinstance(found, ClassResult)
            return found.confusion
        except DataError:
            if team.size == 1:
                raise
            return nothing  # no label in this share: there may be some in another

    def report(self, scores: dict[str, float]) -> str:
        """See `Work`."""
        return "  ".join(
            f"{name} {100 * scores[key]:.2f}" for name, key in zip(("mIoU", "mF1", "OA"), SCORES, strict=True)
        )

    def introduction(self) -> list[str]:
        """See `Work`."""
        t, net = self.recipe.train, self.recipe.net
        parameters = sum(p.numel() for p in self.model.parameters())
        return [
            f"{self.card.name}: {self.card.net} on {net.encoder}, {parameters:,} parameters",
            *self.split.lines(),
            f"{count(t.steps, 'step')} of {count(t.batch * t.accumulate, 'window')} of {t.crop}x{t.crop}",
        ]

    def score(self, model: Model, pairs: list[Pair], part: str, split: str) -> Conclusion:
        """See `PixelWork`."""
        chosen = model.card.origin.chosen
        found = evaluate(TorchPredictor(model), pairs, data=part, split=split, chosen=chosen)
        return Conclusion(str(found), {name: getattr(found.scores, name) for name in SCORES})


def _scores(found: Scores) -> dict[str, float]:
    """The main scores and each class's IoU, where they are defined."""
    scores = {name: float(getattr(found, name)) for name in SCORES}
    scores |= {f"iou_{label}": value for label, value in zip(found.labels, found.iou, strict=True)}
    return {name: value for name, value in scores.items() if math.isfinite(value)}
