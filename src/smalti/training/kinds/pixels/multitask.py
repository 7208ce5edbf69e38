"""Training of nets that answer several tasks of each pixel: windows in, whole validation images scored in one pass."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from smalti.card import Card, Task
from smalti.data.pixels.sample import Sample
from smalti.errors import DataError
from smalti.evaluation import Pair, Result, evaluate
from smalti.losses import Loss, ValueLoss, make_loss
from smalti.nets.build import Model
from smalti.nets.multitask.values import begin_values
from smalti.text import count
from smalti.training.distributed import ALONE
from smalti.training.kinds.pixels.edges import edges_of
from smalti.training.kinds.pixels.multitask_settings import AnyTask, MultitaskRecipe
from smalti.training.kinds.pixels.scores import line, pooled, selectable
from smalti.training.kinds.pixels.work import PixelWork
from smalti.training.predict import TorchPredictor
from smalti.training.warmstart import fill_branch
from smalti.training.work import Conclusion

FIRST = 16
"""Windows whose values say where a task of values begins."""


class MultitaskWork(PixelWork[MultitaskRecipe]):
    """See `PixelWork`."""

    def __init__(self, recipe: MultitaskRecipe, card: Card) -> None:
        super().__init__(recipe, card)
        self.selectable = selectable(card.tasks)
        self.balance = recipe.balance.make({task.name: task.weight for task in recipe.card.tasks})
        self._begin()
        self._filled = [told for task in recipe.card.tasks for told in fill_branch(self.model, task.name, task.init)]
        self._losses = {s.name: _loss(s, t) for s, t in zip(recipe.card.tasks, card.tasks, strict=True)}

    def _begin(self) -> None:
        """Values begin about at the mean of the first windows."""
        tasks = [task.name for task in self.card.tasks if task.kind == "value"]
        if not tasks:
            return
        first = self.stream.batch(0, FIRST)
        for name in tasks:
            begin_values(self.model, name, first["targets"][name][first["valid"]])

    def terms(self, model: Callable[..., Any], batch: Sample) -> dict[str, Tensor]:
        """See `Work`: `TASK/TERM`; a task without a label in the batch has none."""
        outputs, targets, valid = self.answers(model, batch)
        for name, of in self.recipe.edges.items():
            targets[name] = edges_of(targets[of], self.card.task(of).ignore)
        for name, zero in self.recipe.zero.items():
            for of, labels in zero.items():
                targets[name] = zeroed(targets[name], targets[of], self.card.task(of), labels)
        return dict(self._terms(outputs, targets, valid))

    def _terms(
        self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor], valid: Tensor
    ) -> Iterator[tuple[str, Tensor]]:
        for task in self.card.tasks:
            if (valid & _is_known(task, targets[task.name])).any():
                for name, value in self._losses[task.name](outputs, targets, valid).items():
                    yield f"{task.name}/{name}", value

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Whole images, shared among processes, their counts summed before anything is divided."""
        assert isinstance(model, Model)
        pairs = self.split.validation[self.team.rank :: self.team.size]
        scores = pooled(self.card.tasks, _found(model, pairs), self.team)
        if not scores:
            raise DataError("validation: no pixel with a label; nothing to score")
        return scores

    def report(self, scores: dict[str, float]) -> str:
        """See `Work`."""
        return line(self.card.tasks, scores)

    def introduction(self) -> list[str]:
        """See `Work`."""
        t, net = self.recipe.train, self.recipe.net
        parameters = sum(p.numel() for p in self.model.parameters())
        tasks = ", ".join(f"{task.name} by {' + '.join(self._losses[task.name].terms)}" for task in self.card.tasks)
        return [
            f"{self.card.name}: {net.sharing} on {net.encoder}, {parameters:,} parameters",
            f"tasks       {tasks}; balance {self.recipe.balance.name}",
            *self.split.lines(),
            f"{count(t.steps, 'step')} of {count(t.batch * t.accumulate, 'window')} of {t.crop}x{t.crop}",
            *self._filled,
        ]

    def score(self, model: Model, pairs: list[Pair], part: str, split: str) -> Conclusion:
        """See `PixelWork`."""
        chosen = model.card.origin.chosen
        found = evaluate(TorchPredictor(model), pairs, data=part, split=split, chosen=chosen)
        return Conclusion(str(found), pooled(self.card.tasks, found, ALONE))


def zeroed(values: Tensor, classes: Tensor, task: Task, labels: Sequence[str]) -> Tensor:
    """Values N,H,W, 0 where they are unknown and the ids N,H,W of a task's classes are those of some labels."""
    ids = torch.tensor([task.labels.index(label) for label in labels], device=classes.device)
    return torch.where(values.isnan() & torch.isin(classes, ids), 0.0, values)


def _loss(settings: AnyTask, task: Task) -> Loss | ValueLoss:
    return ValueLoss(settings.loss, task) if settings.kind == "value" else make_loss(settings.loss, task)


def _is_known(task: Task, target: Tensor) -> Tensor:
    """Where a target N,H,W says something."""
    return target.isfinite() if task.kind == "value" else target != task.ignore


def _found(model: Model, pairs: list[Pair]) -> tuple[Result, ...]:
    """What a process found in its share of the images; nothing where that has no label."""
    if not pairs:
        return ()
    try:
        return evaluate(TorchPredictor(model), pairs, data="validation", boundary=None).results
    except DataError:
        return ()  # there may be labels in another share
