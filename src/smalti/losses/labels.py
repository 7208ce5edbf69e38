"""The labels of a batch, which of them count, and which classes each allows."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from smalti.card import Task
from smalti.label_sets import allowed_table


@dataclass(frozen=True)
class Labels:
    """The labels of a batch: ids N,H,W int64 of classes or of sets of them and, same shape, which of them count."""

    classes: Tensor
    usable: Tensor
    table: Tensor | None = None
    """Which classes each id allows, (ids, K) bool; None where every label that counts is one class."""

    @classmethod
    def of(cls, classes: Tensor, valid: Tensor, task: Task) -> Self:
        """The labels of a task: ids N,H,W int64, and N,H,W bool."""
        usable = valid & (classes != task.ignore)
        if not task.sets or not (usable & (classes >= len(task.labels))).any():
            return cls(classes, usable)
        return cls(classes, usable, torch.from_numpy(allowed_table(task)).to(classes.device))

    @cached_property
    def open(self) -> Tensor:
        """N,H,W bool: pixels that count whose label allows several classes."""
        if self.table is None:
            return torch.zeros_like(self.usable)
        return self.usable & (self.classes >= self.table.shape[1])

    def ids(self, nothing: int) -> Tensor:
        """N,H,W int64: the class, or `nothing` where a pixel does not count or its label allows several."""
        return torch.where(self.usable & ~self.open if self.table is not None else self.usable, self.classes, nothing)

    def allowed(self, classes: int) -> Tensor:
        """N,classes,H,W bool: the classes that each label allows; none for pixels that do not count."""
        if self.table is None:
            ids = torch.arange(classes, device=self.classes.device)[:, None, None]
            return (self.classes[:, None] == ids) & self.usable[:, None]
        return self._looked_up(self.table.float()) > 0

    def barred(self, classes: int) -> Tensor:
        """N,classes,H,W float32: -infinity for the classes that a label does not allow, else 0.

        It is 0 for all classes where a pixel does not count.
        """
        if self.table is None:
            return torch.where(self.allowed(classes) | ~self.usable[:, None], 0.0, -torch.inf)
        return self._looked_up(torch.where(self.table, 0.0, -torch.inf))

    def decided(self, classes: int) -> Tensor:
        """N,classes,H,W bool (or N,1,H,W, for all classes): where a label decides whether a pixel is of a class.

        It does so if it is one class, or a set without this class.
        """
        if self.table is None:
            return self.usable[:, None]
        single = self.table.sum(1, keepdim=True) == 1  # ids,1
        return self._looked_up((single | ~self.table).float()) > 0

    def mean_of(self, values: Tensor) -> Tensor:
        """N,H,W: the mean of the values (K) of the classes that each label allows; 0 where a pixel does not count."""
        if self.table is not None:
            values = (self.table * values).sum(1) / self.table.sum(1).clamp_min(1)  # ids
        return torch.cat([values, values.new_zeros(1)])[self._rows(len(values))]

    def _rows(self, nothing: int) -> Tensor:
        """N,H,W int64: the id of each label, or `nothing` where a pixel does not count."""
        return torch.where(self.usable, self.classes, nothing)

    def _looked_up(self, table: Tensor) -> Tensor:
        """N,K,H,W float32: for each pixel its id's row of a table (ids, K); zeros where a pixel does not count."""
        rows = F.pad(table, (0, 0, 0, 1))  # many times faster than an index of bool for each pixel
        return F.embedding(self._rows(len(table)), rows).movedim(-1, 1)


def one_hot(labels: Labels, classes: int) -> Tensor:
    """One-hot labels N,classes,H,W float32; zeros where a pixel does not count, or its label allows several classes."""
    ids = torch.arange(classes, device=labels.classes.device)[:, None, None]
    return ((labels.classes[:, None] == ids) & labels.usable[:, None]).float()


def likely(labels: Labels, logits: Tensor) -> Tensor:
    """One-hot labels as above, and of sets the probabilities of the classes that they allow, scaled to 1; no gradient.

    N,classes,H,W float32: the distribution of the class given the label, by the net's own logits.
    """
    if labels.table is None:
        return one_hot(labels, logits.shape[1])
    inside = logits.detach().float().masked_fill(~labels.allowed(logits.shape[1]), -torch.inf).softmax(1)
    return torch.where(labels.usable[:, None], inside, 0.0)
