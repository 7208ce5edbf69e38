"""The settings of a balance."""

from collections.abc import Mapping
from typing import Self

from pydantic import Field, field_validator, model_validator

from smalti.errors import RecipeError
from smalti.training.balance.balance import Balance
from smalti.training.balance.dwa import DWA
from smalti.training.balance.fixed import Fixed
from smalti.training.balance.gls import GLS
from smalti.training.balance.gradnorm import GradNorm
from smalti.training.balance.pcgrad import PCGrad
from smalti.training.balance.rlw import RLW
from smalti.training.balance.torchjd import PREFIX, TorchJD
from smalti.training.balance.uncertainty import Uncertainty
from smalti.training.settings import Settings

BALANCING: dict[str, type[Balance]] = {
    "equal": Fixed,  # no task has a weight
    "fixed": Fixed,
    "uncertainty": Uncertainty,
    "dwa": DWA,
    "rlw": RLW,
    "gls": GLS,
    "gradnorm": GradNorm,
    "pcgrad": PCGrad,
}


class BalanceSettings(Settings):
    """How the losses of several tasks become one gradient; see docs/how-to/multitask.md."""

    name: str = "fixed"
    """`fixed`: the tasks' weights. Or `equal`, `uncertainty`, `dwa`, `rlw`, `gls`, `gradnorm`, `pcgrad`, or
    `torchjd:NAME`, an aggregator of TorchJD."""
    temperature: float = Field(2.0, gt=0)
    """For dwa only: the higher, the more alike the weights."""
    period: int = Field(100, ge=1)
    """For dwa only: number of batches over which losses are averaged before they are compared."""
    alpha: float = Field(1.5, ge=0)
    """For gradnorm only: how strongly slow tasks are favoured; 0 only makes the gradient norms equal."""
    lr: float = Field(0.025, gt=0)
    """For gradnorm only: the learning rate of the weights."""
    seed: int = Field(0, ge=0)
    """For rlw, pcgrad and TorchJD only."""
    options: dict[str, int | float] = Field(default_factory=dict)
    """For TorchJD only: the aggregator's arguments, by name."""

    @property
    def rule(self) -> type[Balance]:
        """The class of the rule."""
        return TorchJD if self.name.startswith(PREFIX) else BALANCING[self.name]

    @property
    def aggregator(self) -> str:
        """The aggregator's name in TorchJD."""
        return self.name.removeprefix(PREFIX)

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in BALANCING and not name.startswith(PREFIX):
            raise ValueError(f"unknown balance {name!r}; expected one of {', '.join(BALANCING)}, or {PREFIX}NAME")
        return name

    @model_validator(mode="after")
    def _only_its_own(self) -> Self:
        plain = type(self).model_construct()
        for key in type(self).model_fields:
            if key != "name" and key not in self.rule.options and getattr(self, key) != getattr(plain, key):
                raise ValueError(f"{key} is not for balance {self.name}; leave it out")
        return self

    def check(self, weights: Mapping[str, float]) -> None:
        """ValueError if tasks have weights that the balance does not use."""
        if self.name != "fixed" and (given := [task for task, weight in weights.items() if weight != 1]):
            raise ValueError(f"task {given[0]} has a weight, but balance {self.name} sets weights itself; use fixed")

    def make(self, weights: Mapping[str, float]) -> Balance:
        """The balance for all tasks, in order, with these weights.

        Raises:
            MissingExtraError: TorchJD is not installed.
            RecipeError: see `check`; or TorchJD has no such aggregator, or it does not take these options.
        """
        try:
            self.check(weights)
        except ValueError as error:
            raise RecipeError(f"balance.name: {error}") from None
        return self.rule(weights, **{key: getattr(self, key) for key in self.rule.options})
