"""The net of a deep lesson: the parent's, with a last layer for the classes that are taught."""

import torch
from torch import Tensor, nn

from smalti.card import Card
from smalti.lessons.classes import ClassPlan
from smalti.lessons.lesson import TRUST
from smalti.nets.build import Model, build
from smalti.nets.randomness import own_random
from smalti.training.encoder import encoder_of
from smalti.training.model_file import ModelWeights

_SETTING = "teach --deep"


def make_student(weights: ModelWeights, card: Card, plan: ClassPlan, images: Tensor) -> Model:
    """The model of the taught `card`, in evaluation mode, with an encoder that stays as it is.

    The last layer's rows are means of those of the classes that each class takes over, scaled as the quick head scales
    the parent's logits; zeros for a new class. `images` are raw, N,C,H,W; see `ModelWeights.unfolded`.
    """
    with own_random():
        model = build(card)
    own, theirs = model.state_dict(), weights.unfolded(images)
    share = torch.from_numpy(plan.shares / plan.shares.sum(axis=1, keepdims=True).clip(1e-9)).float()  # J,K
    last = _last_layers(weights.card)
    for name, value in theirs.items():
        own[name].copy_(TRUST * torch.einsum("jk,k...->j...", share, value) if name in last else value)
    encoder_of(model, _SETTING).requires_grad_(False)
    return model.eval()


def check_encoder(card: Card) -> None:
    """RecipeError for a net without an encoder."""
    with own_random():
        encoder_of(build(card), _SETTING)


def _last_layers(card: Card) -> set[str]:
    """The names of weights whose first axis is the classes of the first task of classes."""
    task = card.class_task()
    more = task.model_copy(update={"labels": (*task.labels, "one more"), "colors": ()})
    other = card.model_copy(
        update={"tasks": tuple(more if each == task else each for each in card.tasks), "unlike": None}
    )
    with own_random():
        shapes = [{name: value.shape for name, value in build(each).state_dict().items()} for each in (card, other)]
    return {name for name, shape in shapes[0].items() if shapes[1][name] != shape}


def learning(model: nn.Module) -> dict[str, nn.Parameter]:
    """The weights that are learned, by name."""
    return {name: value for name, value in model.named_parameters() if value.requires_grad}
