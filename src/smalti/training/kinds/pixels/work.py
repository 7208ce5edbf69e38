"""What trainings on windows of images have in common: the data, the batches, and the scores at the end."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from smalti.card import Card
from smalti.data.identity import Identity
from smalti.data.pixels.sample import Sample
from smalti.evaluation import Pair
from smalti.nets.build import Model
from smalti.training.distributed import ALONE
from smalti.training.kinds.pixels.census import take_census
from smalti.training.kinds.pixels.prepare import make_model, make_stream, open_split
from smalti.training.kinds.pixels.settings import PixelRecipe
from smalti.training.predict import load_model
from smalti.training.work import Conclusion

R = TypeVar("R", bound=PixelRecipe)


class PixelWork(Generic[R]):
    """See `training.work.Work` and `training.distributed.Shareable`. Opens every source and reads all labels
    at once, so that none fails later."""

    def __init__(self, recipe: R, card: Card) -> None:
        self.recipe, self.card = recipe, card
        self.team = ALONE
        self.split = open_split(recipe, card)
        self._told = take_census(recipe, card, self.split.scenes)
        self.stream = make_stream(recipe, card, self.split.train)
        self.model: Model = make_model(recipe, card, self.stream)

    @property
    def identity(self) -> dict[str, Identity]:
        """See `Work`."""
        return self.split.identity

    def warnings(self) -> list[str]:
        """See `Work`."""
        return self._told

    def batches(self, first: int) -> Generator[Sample, None, None]:
        """See `Work`."""
        t = self.recipe.train
        return self.stream.batches(first, t.batch, t.workers, self.team.share(t.batch))

    def names(self, batch: Sample) -> list[str]:
        """See `Work`."""
        return batch["names"]

    def answers(self, model: Callable[..., Any], batch: Sample) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
        """The net's answers, their targets, and which pixels count, of the windows of all processes."""
        image = batch["image"]
        if self.recipe.train.channels_last:
            image = image.contiguous(memory_format=torch.channels_last)
        outputs = {name: self.team.gather(output) for name, output in model(image).items()}
        targets = {name: self.team.gather(target) for name, target in batch["targets"].items()}
        return outputs, targets, self.team.gather(batch["valid"])

    def score(self, model: Model, pairs: list[Pair], part: str, split: str) -> Conclusion:
        """What is to be told of the images of a part; `split` says in words what they are."""
        raise NotImplementedError

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
                found = self.score(model, pairs, part, split)
                texts.append(f"\n{part}\n{found.text}")
                scores |= {f"{part}/{name}": value for name, value in found.scores.items()}
        return Conclusion("\n".join(texts), scores)
