"""Training of nets that answer classes per pixel: windows in, whole validation images scored."""

import math
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from smalti.card import Card
from smalti.data.sample import Sample
from smalti.errors import DataError
from smalti.evaluation import evaluate
from smalti.evaluation.result import text_table
from smalti.losses import make_loss
from smalti.metrics import Confusion, Scores
from smalti.nets.build import Model
from smalti.training.predict import TorchPredictor, load_model
from smalti.training.prepare import make_model, make_stream, open_split
from smalti.training.segmentation_settings import SegmentationRecipe
from smalti.training.team import ALONE
from smalti.training.work import Conclusion

SCORES = ("miou", "mf1", "oa")


class SegmentationWork:
    """See `training.work.Work` and `training.team.Shareable`. Opens every source at once, so that none fails later."""

    selectable = SCORES

    def __init__(self, recipe: SegmentationRecipe, card: Card) -> None:
        self.recipe, self.card = recipe, card
        self.team = ALONE
        self.split = open_split(recipe, card)
        self.stream = make_stream(recipe, card, self.split.train)
        self.model: Model = make_model(recipe, card, self.stream)
        self.loss = make_loss(recipe.loss, card.tasks[0])

    def batches(self, first: int) -> Generator[Sample, None, None]:
        """See `Work`."""
        t = self.recipe.train
        return self.stream.batches(first, t.batch, t.workers, self.team.share(t.batch))

    def names(self, batch: Sample) -> list[str]:
        """See `Work`."""
        return batch["names"]

    def terms(self, model: Callable[..., Any], batch: Sample) -> dict[str, Tensor]:
        """See `Work`."""
        image = batch["image"]
        if self.recipe.train.channels_last:
            image = image.contiguous(memory_format=torch.channels_last)
        outputs = {name: self.team.gather(output) for name, output in model(image).items()}
        targets = {name: self.team.gather(target) for name, target in batch["targets"].items()}
        return self.loss(outputs, targets, self.team.gather(batch["valid"]))

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
        try:
            return (
                evaluate(TorchPredictor(model), pairs, data="validation", boundary=None).confusion if pairs else nothing
            )
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
            f"{t.steps} steps of {t.batch * t.accumulate} windows of {t.crop}x{t.crop}",
        ]

    def warnings(self) -> list[str]:
        """See `Work`."""
        if not (missing := self.stream.missing()):
            return []
        return [
            f"no training image has a pixel of {', '.join(missing)}; "
            "tell how the masks are written: label_colors, or labels.ids of the source"
        ]

    def conclude(self, folder: Path) -> Conclusion:
        """See `Work`."""
        model = load_model(folder)
        texts: list[str] = []
        scores: dict[str, float] = {}
        for part, pairs, split in (
            ("validation", self.split.validation, f"the images that chose the checkpoint: {self.recipe.judges}"),
            ("test", self.split.test, f"the test images; the checkpoint was chosen on {self.recipe.judges}"),
        ):
            if pairs:
                found = evaluate(TorchPredictor(model), pairs, data=part, split=split, chosen=model.card.origin.chosen)
                texts.append(f"\n{part}\n{text_table(found)}")
                scores |= {f"{part}/{name}": getattr(found.scores, name) for name in SCORES}
        return Conclusion("\n".join(texts), scores)


def _scores(found: Scores) -> dict[str, float]:
    """The main scores and each class's IoU, where they are defined."""
    scores = {name: float(getattr(found, name)) for name in SCORES}
    scores |= {f"iou_{label}": value for label, value in zip(found.labels, found.iou, strict=True)}
    return {name: value for name, value in scores.items() if math.isfinite(value)}
