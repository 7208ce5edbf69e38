"""What a training is fed with: a piece of ground while it is being made, and the sample that it becomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smalti.card import Task


@dataclass(frozen=True)
class Patch:
    """A window of an image with its labels, rows first and bands last, as OpenCV likes it."""

    image: NDArray[Any]
    """(H, W, C) raw pixels."""
    targets: Mapping[str, NDArray[Any]]
    """(H, W) by task, of those that are labelled here: uint8 class ids, or float32 values, NaN where unknown."""
    valid: NDArray[np.bool_]
    """(H, W): where the image holds something."""
    name: str = ""
    """Where it comes from, for people."""


def unknown(task: Task, height: int, width: int) -> NDArray[Any]:
    """The target (H, W) of ground without labels."""
    if task.kind == "classes":
        return np.full((height, width), task.ignore, np.uint8)
    return np.full((height, width), np.nan, np.float32)


def known(task: Task, target: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a target says something."""
    return np.asarray(target != task.ignore if task.kind == "classes" else ~np.isnan(target))


def completed(patch: Patch, tasks: Sequence[Task]) -> Patch:
    """The patch with a target for each of the tasks: all unknown for those that are not labelled here."""
    height, width = patch.valid.shape
    targets = {
        task.name: patch.targets[task.name] if task.name in patch.targets else unknown(task, height, width)
        for task in tasks
    }
    return replace(patch, targets=targets)


class Sample(TypedDict):
    """One window, ready for the net; a batch has the same keys and one more axis in front."""

    image: Tensor
    """(C, H, W) raw pixels, float32."""
    targets: dict[str, Tensor]
    """(H, W) by task: int64 class ids, or float32 values with NaN where unknown."""
    valid: Tensor
    """(H, W) bool."""
    names: list[str]
    """Where each window comes from, for people; one of them until it is in a batch."""


def to_sample(patch: Patch) -> Sample:
    """The patch as tensors that own their memory."""
    image = np.ascontiguousarray(patch.image.transpose(2, 0, 1), dtype=np.float32)  # C,H,W
    kinds = {name: np.int64 if target.dtype == np.uint8 else np.float32 for name, target in patch.targets.items()}
    return Sample(
        image=torch.from_numpy(image),
        targets={name: torch.from_numpy(patch.targets[name].astype(kind)) for name, kind in kinds.items()},
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
