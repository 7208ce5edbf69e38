"""The base classes of loss terms: settings that can be called."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from smalti.card import Task
from smalti.errors import RecipeError
from smalti.extensions import ExtensibleTable, settings_of, unfit
from smalti.losses.labels import Labels

LOSSES: dict[str, type["Weighted"]] = {}
"""Further terms by their key in recipes, each a subclass of `Term` or `ValueTerm`."""

Outputs = Mapping[str, Tensor]
"""Logits N,K,H,W by task, and the outputs of auxiliary heads in training."""


class Weighted(BaseModel):
    """Settings of a term. A recipe gives its weight as a number, or a table with the weight and the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    weight: float = Field(1.0, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _a_number_is_the_weight(cls, value: Any) -> Any:
        return settings_of(value, "weight")


class Term(Weighted):
    """One term of the loss of a task of classes."""

    def check(self, task: Task) -> None:
        """ValueError if the settings do not fit the task."""

    def __call__(self, outputs: Outputs, labels: Labels, task: str) -> Tensor:
        """The term without its weight, a scalar; 0 with a gradient of 0 where no pixel counts."""
        raise NotImplementedError


class Terms(ExtensibleTable):
    """The terms of a loss by name; other packages add some in the entry point group `smalti.losses`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    group: ClassVar[str] = "smalti.losses"
    registered: ClassVar[Mapping[str, type[BaseModel]]] = LOSSES

    @model_validator(mode="after")
    def _has_a_term(self) -> Self:
        if not self.given():
            raise ValueError(f"needs at least one term of {', '.join(type(self).model_fields)}")
        return self

    def given(self) -> dict[str, Any]:
        """The terms with a weight, by name, of the class that the table is for."""
        return {name: term for name, term in self if term is not None}

    @classmethod
    def weighted(cls, name: str, term: Any, predicted: Tensor, *given: Any) -> Tensor:
        """A term called with `given`, times its weight; ExtensionError for one of another package that is unfit.

        `predicted` are the predictions that it must have a gradient for.
        """
        with cls.calling(name):
            value = term(*given)
        if name not in cls.model_fields and (came := _unfit(value, predicted)):
            raise unfit(cls.group, name, f"gave {came}", "a tensor that is one number, with a gradient")
        product: Tensor = term.weight * value
        return product


def _unfit(value: Any, predicted: Tensor) -> str:
    """What a term gave, if it is not a scalar of the predictions' device with a gradient; else nothing."""
    if not isinstance(value, Tensor):
        return type(value).__name__
    if value.shape != () or not value.is_floating_point() or value.device != predicted.device:
        return f"{value.dtype} of shape {tuple(value.shape)} on {value.device}"
    return "one without" if predicted.requires_grad and not value.requires_grad else ""


def head(outputs: Outputs, name: str, term: str) -> Tensor:
    """An output by its name; RecipeError if the net has none."""
    if name not in outputs:
        raise RecipeError(f"loss {term!r} needs a net with the output {name!r}; this one has {', '.join(outputs)}")
    return outputs[name]


def check_weights(values: tuple[float, ...], what: str, task: Task) -> None:
    """ValueError unless there is no value, or a weight for each class."""
    if values and len(values) != len(task.labels):
        raise ValueError(f"{what} has {len(values)} values, task {task.name} has {len(task.labels)} classes")
    refuse_negative(values, what)


def refuse_negative(values: tuple[float, ...], what: str) -> None:
    """ValueError for weights below 0: they reward mistakes; and for weights that are all 0: they teach nothing."""
    if values and (min(values) < 0 or not sum(values)):
        raise ValueError(f"{what} must be weights of 0 or more, not all of them 0")
