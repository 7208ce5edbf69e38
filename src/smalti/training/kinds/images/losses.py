"""The loss of each image task, from the recipe."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from smalti.card import Task
from smalti.data.images.labelled import Labelled
from smalti.errors import RecipeError
from smalti.losses import ValueLoss
from smalti.losses.images import class_loss, mix
from smalti.training.kinds.images.settings import AnyTask, ClassesOfImages

Tensors = Mapping[str, Tensor]
ImageLoss = Callable[[Tensors, Tensors, Tensor | None], dict[str, Tensor]]
"""From outputs N,K and targets N by task, and the mixing share of each image (N; None without mixing).

Returns scalars named `TASK` or `TASK/TERM`; empty where no target is known.
"""


def make_image_loss(task: Task, settings: AnyTask, images: Labelled) -> ImageLoss:
    """The loss of a task trained on these images; RecipeError unless there is one class weight per class."""
    if settings.kind == "image_value":
        return _of_values(ValueLoss(settings.loss, task))
    weights = class_weights(task, settings, images)

    def loss(outputs: Tensors, targets: Tensors, share: Tensor | None) -> dict[str, Tensor]:
        ids = targets[task.name]
        if not (ids >= 0).any():
            return {}
        return {task.name: class_loss(outputs[task.name], ids, share, weights, settings.smoothing)}

    return loss


def _of_values(plain: ValueLoss) -> ImageLoss:
    name = plain.task.name

    def loss(outputs: Tensors, targets: Tensors, share: Tensor | None) -> dict[str, Tensor]:
        truth = targets[name] if share is None else mix(targets[name], share)  # unknown where either is
        terms = plain(outputs, {name: truth}, torch.ones_like(truth, dtype=torch.bool))
        return {f"{name}/{term}": value for term, value in terms.items()}

    return loss


def class_weights(task: Task, settings: ClassesOfImages, images: Labelled) -> Tensor | None:
    """The weights of a task's classes; None where all are equal. RecipeError unless there is one per class."""
    if settings.class_weights == "equal":
        return None
    if settings.class_weights != "balanced":
        if len(settings.class_weights) != len(task.labels):
            given, wanted = len(settings.class_weights), len(task.labels)
            raise RecipeError(f"card.tasks: class_weights has {given} values, task {task.name} has {wanted} classes")
        return torch.tensor(settings.class_weights)
    counts = torch.from_numpy(images.counts(task)).float()
    present = counts > 0
    return torch.where(present, counts.sum() / (present.sum() * counts.clamp_min(1)), 0.0)
