"""What every term of a loss is: settings that can be called."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from smalti.card import Task
from smalti.errors import RecipeError
from smalti.losses.labels import Labels

Outputs = Mapping[str, Tensor]
"""Logits N,K,H,W by task, and what further heads a net has while training."""


class Weighted(BaseModel):
    """Settings of a term. A recipe gives its weight as a number, or a table with the weight and the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    weight: float = Field(1.0, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _a_number_is_the_weight(cls, value: Any) -> Any:
        if isinstance(value, bool | str | list):
            raise ValueError(f"expected a weight or a table like {{ weight = 1.0 }}, not {value!r}")
        return {"weight": value} if isinstance(value, int | float) else value


class Term(Weighted):
    """One term of the loss of a task of classes."""

    def check(self, task: Task) -> None:
        """ValueError if the settings do not fit the task."""

    def __call__(self, outputs: Outputs, labels: Labels, task: str) -> Tensor:
        """The term without its weight, a scalar; 0 with a gradient of 0 where no pixel counts."""
        raise NotImplementedError


def head(outputs: Outputs, name: str, term: str) -> Tensor:
    """An output by its name; RecipeError if the net has none."""
    if name not in outputs:
        raise RecipeError(f"loss {term!r} needs a net with the output {name!r}; this one has {', '.join(outputs)}")
    return outputs[name]


def check_length(values: tuple[float, ...], what: str, task: Task) -> None:
    """ValueError unless there is no value, or one for each class."""
    if values and len(values) != len(task.labels):
        raise ValueError(f"{what} has {len(values)} values, task {task.name} has {len(task.labels)} classes")
