"""Settings of `smalti shrink --recipe`: its targets, and the rounds that lead to them."""

from typing import Self

from pydantic import Field, model_validator

from smalti.training.settings import Settings


class ShrinkSettings(Settings):
    """The targets of `smalti shrink --recipe`, and the rounds of pruning and training that lead to them; no part of the
    training itself."""

    ms: float | None = Field(None, gt=0)
    """Target: milliseconds per tile with ONNX Runtime on this machine. This, `mb` or both are needed."""
    mb: float | None = Field(None, gt=0)
    """Target: megabytes of the file."""
    loss: float = Field(1.0, ge=0, le=100)
    """The gate in percent on the validation images, for each task: points of mIoU, or the rise of the RMSE."""
    rounds: int = Field(4, ge=1)
    """Rounds of pruning and training at most, after 8-bit integers alone."""
    faster: float = Field(1.3, gt=1, lt=100)
    """How many times as fast a round makes the net, or as small where `mb` is further away; less where less is
    enough."""
    steps: int = Field(600, ge=1)
    """Steps of training after each pruning, in place of `train.steps`."""
    lr: float | None = Field(None, gt=0)
    """Learning rate of these trainings, in place of `optim.lr`; a net that has learned needs a lower one."""

    @model_validator(mode="after")
    def _has_a_target(self) -> Self:
        if self.ms is None and self.mb is None:
            raise ValueError("there is no target; give ms, mb or both")
        return self
