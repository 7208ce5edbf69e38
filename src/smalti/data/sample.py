"""What a training is fed with: a piece of ground while it is being made, and the sample that it becomes."""

from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Patch:
    """A window of an image with its labels, rows first and bands last, as OpenCV likes it."""

    image: NDArray[Any]
    """(H, W, C) raw pixels."""
    labels: NDArray[np.uint8]
    """(H, W) class ids."""
    valid: NDArray[np.bool_]
    """(H, W): where the image holds something."""
    name: str = ""
    """Where it comes from, for people."""


class Sample(TypedDict):
    """One window, ready for the net; a batch has the same keys and one more axis in front."""

    image: Tensor
    """(C, H, W) raw pixels, float32."""
    targets: dict[str, Tensor]
    """(H, W) int64 class ids by task."""
    valid: Tensor
    """(H, W) bool."""
    names: list[str]
    """Where each window comes from, for people; one of them until it is in a batch."""


def to_sample(patch: Patch, task: str) -> Sample:
    """The patch as tensors that own their memory."""
    image = np.ascontiguousarray(patch.image.transpose(2, 0, 1), dtype=np.float32)  # C,H,W
    return Sample(
        image=torch.from_numpy(image),
        targets={task: torch.from_numpy(patch.labels.astype(np.int64))},
        valid=torch.from_numpy(np.ascontiguousarray(patch.valid)),
        names=[patch.name],
    )


def stack(samples: list[Sample]) -> Sample:
    """A batch: the same tensors with a first axis N."""
    return Sample(
        image=torch.stack([sample["image"] for sample in samples]),
        targets={name: torch.stack([sample["targets"][name] for sample in samples]) for name in samples[0]["targets"]},
        valid=torch.stack([sample["valid"] for sample in samples]),
        names=[name for sample in samples for name in sample["names"]],
    )
