"""Patches of scenes as arrays while they are augmented, and samples as tensors for the net."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NotRequired, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smalti.card import Task


@dataclass(frozen=True)
class Patch:
    """A window of an image with its labels, bands last, as OpenCV expects."""

    image: NDArray[Any]
    """(H, W, C) raw pixels."""
    targets: Mapping[str, NDArray[Any]]
    """(H, W) by task, for the labelled tasks: uint8 class ids, or float32 values, NaN where unknown."""
    valid: NDArray[np.bool_]
    """(H, W): the mask of valid pixels."""
    name: str = ""
    """Its source, for messages."""


def unknown(task: Task, height: int, width: int) -> NDArray[Any]:
    """The target (H, W) of a patch without labels."""
    if task.kind == "classes":
        return np.full((height, width), task.ignore, np.uint8)
    return np.full((height, width), np.nan, np.float32)


def known(task: Task, target: NDArray[Any]) -> NDArray[np.bool_]:
    """The mask of labelled pixels of a target."""
    return np.asarray(target != task.ignore if task.kind == "classes" else ~np.isnan(target))


def completed(patch: Patch, tasks: Sequence[Task]) -> Patch:
    """The patch with a target for each task: entirely unknown for tasks that are not labelled."""
    height, width = patch.valid.shape
    targets = {
        task.name: patch.targets[task.name] if task.name in patch.targets else unknown(task, height, width)
        for task in tasks
    }
    return replace(patch, targets=targets)


class Views(TypedDict):
    """A batch of windows in two views."""

    weak: Tensor
    """(N, C, H, W) raw pixels, float32."""
    strong: Tensor
    """(N, C, H, W) the same, with changed colours."""
    labels: Tensor
    """(N, H, W) int64: ids of classes or of sets of classes, the task's `ignore` where nothing is labelled."""
    valid: Tensor
    """(N, H, W) bool."""
    order: Tensor
    """(N, K) float32: random numbers that put the classes of each window in order."""
    chance: Tensor
    """(N) float32: a random number from 0 to 1 for each window."""
    names: list[str]
    """The source of each window, for messages."""


class Sample(TypedDict):
    """One window as tensors; a batch has the same keys and a leading axis N."""

    image: Tensor
    """(C, H, W) raw pixels, float32."""
    targets: dict[str, Tensor]
    """(H, W) by task: int64 class ids, or float32 values with NaN where unknown."""
    valid: Tensor
    """(H, W) bool."""
    names: list[str]
    """The source of each window of the batch, for messages; one for a single window."""
    views: NotRequired[Views]
    """Of a batch: windows without labels."""


def to_sample(patch: Patch) -> Sample:
    """The patch as tensors with their own memory."""
    image = np.ascontiguousarray(patch.image.transpose(2, 0, 1), dtype=np.float32)  # C,H,W
    kinds = {name: np.int64 if target.dtype == np.uint8 else np.float32 for name, target in patch.targets.items()}
    return Sample(
        image=torch.from_numpy(image),
        targets={name: torch.from_numpy(patch.targets[name].astype(kind)) for name, kind in kinds.items()},
        valid=torch.from_numpy(np.ascontiguousarray(patch.valid)),
        names=[patch.name],
    )


def stack(samples: list[Sample]) -> Sample:
    """A batch of samples, with a leading axis N."""
    return Sample(
        image=torch.stack([sample["image"] for sample in samples]),
        targets={name: torch.stack([sample["targets"][name] for sample in samples]) for name in samples[0]["targets"]},
        valid=torch.stack([sample["valid"] for sample in samples]),
        names=[name for sample in samples for name in sample["names"]],
    )
