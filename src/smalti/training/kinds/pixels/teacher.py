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
    """By each task of the recipe, the name of the teacher's that predicts the same."""
    identity: Identity
    """Its weights by content."""


class FoundTeacher:
    """What a recipe names as its teacher."""

    def __init__(self, name: str, card: Card) -> None:
        """`card` is that of the net that learns.

        RecipeError if there is no such model, or one of other classes, bands or pixels; ModelError for a file whose
        weights cannot be used.
        """
        self._found = open_start(name, KEY)
        self._card = load_card(self._found) if isinstance(self._found, Path) else self._found.card
        theirs, ours = ((one.bands, one.dtype) for one in (self._card, card))
        if theirs != ours:
            came, wanted = (f"{', '.join(bands)} of {dtype}" for bands, dtype in (theirs, ours))
            raise RecipeError(f"{KEY}: {name} takes {came}, the recipe has {wanted}; give a teacher of the same bands")
        self._tasks = {task.name: self._same_task(name, task) for task in card.tasks}

    def _same_task(self, name: str, ours: Task) -> str:
        """The teacher's task that predicts the same, whatever its name."""
        found = [task.name for task in self._card.tasks if signature(task) == signature(ours)]
        if found:
            return ours.name if ours.name in found else found[0]
        came = " and ".join(f"{task.name} ({', '.join(task.labels) or task.kind})" for task in self._card.tasks)
        if ours.has_classes:
            wanted, mend = ", ".join(ours.labels), "classifies pixels into the same classes in the same order"
        else:
            wanted, mend = f"{ours.name} in {ours.unit or 'no unit'}", "predicts the same quantity in the same unit"
        raise RecipeError(f"{KEY}: {name} predicts {came}; the recipe has {wanted}; give a teacher that {mend}")

    def load(self, images: Callable[[], Tensor]) -> Teacher:
        """The teacher; `images` makes raw images N,C,H,W for the batch norms that a model file lacks."""
        if isinstance(self._found, ModelWeights):
            with own_random():  # for weights that are replaced, or of heads that answer in training only
                model = build(self._card)
            model.load_state_dict(self._found.unfolded(images()), strict=False)
        else:
            model = load_model(self._found)
        return Teacher(model.eval().requires_grad_(False), self._tasks, Identity(1, digest(model.state_dict())))
