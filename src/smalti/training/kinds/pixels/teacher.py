"""The teacher of a distillation: opened and checked before any data are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from smalti.card import Card, Task
from smalti.data.identity import Identity
from smalti.errors import RecipeError
from smalti.nets.build import Model, build
from smalti.nets.randomness import own_random
from smalti.training.checkpoint import digest, load_card
from smalti.training.model_file import ModelWeights
from smalti.training.predict import load_model
from smalti.training.warmstart import open_start, signature

KEY = "distill.teacher"


@dataclass(frozen=True, eq=False)
class Teacher:
    """A model whose answers are learned."""

    model: Model
    """In evaluation mode, without gradients."""
    tasks: Mapping[str, str]
    """For tasks of the recipe, at least one, the name of the teacher's that predicts the same."""
    identity: Identity
    """Its weights by content."""


class FoundTeacher:
    """What a recipe names as its teacher."""

    def __init__(self, name: str, card: Card) -> None:
        """`card` is that of the net that learns.

        RecipeError if there is no such model, or one of other bands or pixels, without any of the tasks, or with
        another task of the name of one; ModelError for a file whose weights cannot be used.
        """
        self._found = open_start(name, KEY)
        self._card = load_card(self._found) if isinstance(self._found, Path) else self._found.card
        theirs, ours = ((one.bands, one.dtype) for one in (self._card, card))
        if theirs != ours:
            came, wanted = (f"{', '.join(bands)} of {dtype}" for bands, dtype in (theirs, ours))
            raise RecipeError(f"{KEY}: {name} takes {came}, the recipe has {wanted}; give a teacher of the same bands")
        found = {task.name: self._same_task(task) for task in card.tasks}
        self._tasks = {ours: theirs for ours, theirs in found.items() if theirs is not None}
        named = {task.name for task in self._card.tasks}
        wrong = [
            task for task in card.tasks if task.name not in self._tasks and (task.name in named or not self._tasks)
        ]
        if wrong:
            raise RecipeError(self._misfit(name, wrong[0]))

    def _same_task(self, ours: Task) -> str | None:
        """The teacher's task that predicts the same, whatever its name."""
        found = [task.name for task in self._card.tasks if signature(task) == signature(ours)]
        return ours.name if ours.name in found else next(iter(found), None)

    def _misfit(self, name: str, ours: Task) -> str:
        came = " and ".join(f"{task.name} ({', '.join(task.labels) or task.kind})" for task in self._card.tasks)
        if ours.has_classes:
            wanted, mend = ", ".join(ours.labels), "classifies pixels into the same classes in the same order"
        else:
            wanted, mend = f"{ours.name} in {ours.unit or 'no unit'}", "predicts the same quantity in the same unit"
        return f"{KEY}: {name} predicts {came}; the recipe has {wanted}; give a teacher that {mend}"

    def load(self, images: Callable[[], Tensor]) -> Teacher:
        """The teacher; `images` makes raw images N,C,H,W for the batch norms that a model file lacks."""
        if isinstance(self._found, ModelWeights):
            with own_random():  # for weights that are replaced, or of heads that answer in training only
                model = build(self._card)
            model.load_state_dict(self._found.unfolded(images()), strict=False)
        else:
            model = load_model(self._found)
        return Teacher(model.eval().requires_grad_(False), self._tasks, Identity(1, digest(model.state_dict())))
