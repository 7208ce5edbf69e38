"""The labels of a batch, and which of them count."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Labels:
    """The labels of a batch: classes N,H,W int64 and, same shape, which of them count."""

    classes: Tensor
    usable: Tensor

    def ids(self, nothing: int) -> Tensor:
        """N,H,W int64: the class, or `nothing` where a pixel does not count."""
        return torch.where(self.usable, self.classes, nothing)


def one_hot(labels: Labels, classes: int) -> Tensor:
    """One-hot labels N,classes,H,W float32, zeros for pixels that do not count."""
    ids = torch.arange(classes, device=labels.classes.device)[:, None, None]
    return ((labels.classes[:, None] == ids) & labels.usable[:, None]).float()
