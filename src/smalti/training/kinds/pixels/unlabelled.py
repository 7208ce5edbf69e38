"""Settings of learning from images without labels, and the streams of their windows."""

from typing import Self

from pydantic import Field, model_validator

from smalti.data.pixels.colours import Colours
from smalti.training.settings import Settings


class StrongColours(Colours):
    """Colours of the student's view; its geometry and style mixing are those of `augment`."""

    brightness: float = Field(0.5, ge=0, lt=1)
    contrast: float = Field(0.5, ge=0, lt=1)
    saturation: float = Field(0.9, ge=0, le=1)
    balance: float = Field(0.25, ge=0, lt=1)
    gamma: float = Field(0.6, ge=0, lt=2)
    blur: float = Field(0.5, ge=0, le=1)


class UnlabelledSettings(Settings):
    """Learning from windows without labels by the pseudo-labels of a teacher, the moving average of the weights."""

    batch: int = Field(4, ge=1)
    """Windows without labels per batch, beside the `train.batch` labelled ones."""
    weight: float = Field(1.0, gt=0)
    """Weight of the loss: cross-entropy summed over pixels with a pseudo-label, by the number of all valid pixels."""
    rampup: int = Field(500, ge=0)
    """Steps over which the weight rises from 0."""
    share: float = Field(0.6, gt=0, le=1)
    """Share of the pixels of each predicted class, the surest ones, that have a pseudo-label."""
    confidence: tuple[float, float] = (0.5, 0.95)
    """Limits of each class's threshold: no pixel below the first has a pseudo-label, each above the second has one."""
    classmix: float = Field(0.5, ge=0, le=1)
    """Probability that half of the classes of another window are pasted into a window."""
    partial: float = Field(0.0, ge=0, le=1)
    """Share of these windows from the training sources whose labels leave classes open: the teacher chooses among those
    that the labels allow."""
    strong: StrongColours = StrongColours()
    """How colours of the student's view change."""

    @model_validator(mode="after")
    def _no_contradictions(self) -> Self:
        low, high = self.confidence
        if not 0 <= low <= high <= 1:
            raise ValueError(f"confidence {[low, high]} must be two numbers from 0 to 1, the smaller one first")
        if self.classmix and self.batch == 1:
            raise ValueError("classmix needs two windows; set batch to 2 or more, or classmix to 0")
        return self

    @property
    def text(self) -> str:
        """Everything about it, as printed before a training."""
        low, high = self.confidence
        mixing = f", {self.classmix:.0%} mixed by classes" if self.classmix else ""
        partial = f", {self.partial:.0%} of them from training sources with partial labels" if self.partial else ""
        return (
            f"{self.batch} windows per batch{partial}; pseudo-labels for the surest {self.share:.0%} of each class, "
            f"thresholds {low:g} to {high:g}{mixing}; weight {self.weight:g} after {self.rampup} steps"
        )
