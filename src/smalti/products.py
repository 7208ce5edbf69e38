"""The rasters that can be written of a prediction: classes, confidence, uncertainty, all probabilities, or values."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from smalti.card import Task

Form = Literal["classes", "confidence", "uncertainty", "probabilities", "values"]

PROBABILITY_STEPS = 250
"""A probability p is stored as round(250 p) in a byte; files declare the scale 1/250, so that readers show 0 to 1."""
LEAST_PROBABILITY = 1e-7
"""What a probability of 0 counts as where logarithms are taken."""
NO_PROBABILITY = 255
NO_VALUE = float("nan")


@dataclass(frozen=True, slots=True)
class Product:
    """One raster made of one task's prediction."""

    task: Task
    form: Form
    transparent: tuple[int, ...] = ()
    """Classes that no viewer needs to show, such as what did not change."""

    @property
    def bands(self) -> tuple[str, ...]:
        """A description of each band."""
        match self.form:
            case "probabilities":
                return self.task.labels
            case "confidence" | "uncertainty":
                return (f"{self.form} of {self.task.name}",)
            case "values":
                return (f"{self.task.name} in {self.task.unit}" if self.task.unit else self.task.name,)
            case _:
                return (self.task.name,)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of its pixels."""
        return np.dtype(np.float32 if self.form == "values" else np.uint8)

    @property
    def nodata(self) -> float:
        """The value of invalid pixels."""
        match self.form:
            case "classes":
                return self.task.ignore
            case "values":
                return NO_VALUE
            case _:
                return NO_PROBABILITY

    def encode(self, values: NDArray[np.float32], valid: NDArray[np.bool_], out: NDArray[Any]) -> None:
        """Fills `out` (bands, H, W) from the task's prediction (K, H, W)."""
        match self.form:
            case "classes":
                best_class(values, out[0])
            case "confidence":
                out[0] = values.max(axis=0) * PROBABILITY_STEPS + 0.5
            case "uncertainty":
                out[0] = uncertainty(values, self.task.temperature) * PROBABILITY_STEPS + 0.5
            case "probabilities":
                for band, probability in zip(out, values, strict=True):
                    band[:] = probability * PROBABILITY_STEPS + 0.5
            case "values":
                # Engines round: OpenVINO's softplus returns -2e-6 where it should be 0.
                out[:] = values if self.task.minimum is None else np.maximum(values, self.task.minimum)
        self.hide(valid, out)

    def hide(self, valid: NDArray[np.bool_], out: NDArray[Any]) -> None:
        """Makes the invalid pixels of `out` (bands, H, W) no data."""
        if not valid.all():
            out[:, ~valid] = self.nodata


def uncertainty(values: NDArray[np.float32], temperature: float | None) -> NDArray[np.float32]:
    """The probability (H, W) that the most probable class is wrong, of probabilities (K, H, W).

    They are calibrated by the temperature: the softmax of logits / T is that of log(p) / T. None leaves them unchanged.
    """
    if temperature is None:
        return np.asarray(1 - values.max(axis=0).clip(0, 1))
    powers = values.clip(LEAST_PROBABILITY, 1) ** np.float32(1 / temperature)
    return np.asarray(1 - powers.max(axis=0) / powers.sum(axis=0))


def best_class(values: NDArray[np.float32], out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """The id of the most probable class (H, W) of (K, H, W), the first of ties; much faster than `argmax`."""
    ids = np.empty(values.shape[1:], np.uint8) if out is None else out
    ids[:] = 0
    best = values[0].copy()
    better = np.empty(best.shape, np.bool_)
    candidate = better.view(np.uint8)
    for k in range(1, len(values)):
        np.greater(values[k], best, out=better)
        np.multiply(
            candidate, np.uint8(k), out=candidate
        )  # k where it is more probable, else 0; k is above all ids so far
        np.maximum(ids, candidate, out=ids)
        np.maximum(best, values[k], out=best)
    return ids
