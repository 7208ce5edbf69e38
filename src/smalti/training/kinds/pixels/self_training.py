"""Self-training: a teacher labels windows without labels, the student learns these labels on changed windows.

The teacher is the moving average of the student's weights (mean teacher; Tarvainen and Valpola, NeurIPS 2017). It sees
a window as it is, in evaluation mode, with the averaged statistics of the batch norms. The student sees the same window
with strongly changed colours, partly covered by classes of another one (ClassMix; Olsson et al., WACV 2021), and learns
the teacher's classes where these are sure (as in FixMatch; Sohn et al., NeurIPS 2020), by a threshold for each class
(see `thresholds`). Windows with and without labels pass through the student as one batch, so that its batch norms have
the statistics of both, those that the teacher and the finished model use.

Where labels leave classes open, the teacher's probabilities of those that a label rules out are set to 0. A pixel whose
label decides keeps that class.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from smalti.card import Task
from smalti.data.pixels.sample import Views
from smalti.label_sets import allowed_table
from smalti.training.kinds.pixels.thresholds import Thresholds
from smalti.training.kinds.pixels.unlabelled import UnlabelledSettings


@dataclass(frozen=True)
class Pseudo:
    """Windows of the student with pseudo-labels."""

    image: Tensor
    """(N, C, H, W) raw pixels."""
    classes: Tensor
    """(N, H, W) int64: the teacher's classes."""
    sure: Tensor
    """(N, H, W) bool: which of them are pseudo-labels."""
    valid: Tensor
    """(N, H, W) bool."""


class SelfTraining:
    """See `training.work.Pupil`."""

    teacher: nn.Module
    """The average of the weights, in evaluation mode; set by the loop."""

    def __init__(self, settings: UnlabelledSettings, task: Task, accumulate: int) -> None:
        self._settings, self._task, self._accumulate = settings, task, accumulate
        self._table = torch.from_numpy(allowed_table(task))  # ids,K
        self._table[task.ignore] = True
        self._thresholds = Thresholds(len(task.labels), settings.share, settings.confidence)
        self._batches = 0
        self.noted: dict[str, float] = {}
        """Of the last batch: the share of the pixels with a pseudo-label, of all and of each predicted class."""

    def pseudo(self, views: Views) -> Pseudo:
        """Labels the windows of a batch, and mixes them."""
        classes, confidences, open_ = self._predict(views)
        self._thresholds.update(classes[open_], confidences[open_])
        sure = views["valid"] & (confidences >= self._thresholds.values().to(classes.device)[classes])
        self._note(classes[open_], sure[open_])
        own = Pseudo(views["strong"], classes, sure, views["valid"])
        return class_mixed(own, views["order"], views["chance"] < self._settings.classmix)

    def term(self, logits: Tensor, pseudo: Pseudo) -> Tensor:
        """The loss of the student's logits (N, K, H, W), weighted; a scalar."""
        nothing = logits.shape[1]
        labels = torch.where(pseudo.sure, pseudo.classes, nothing)
        loss = F.cross_entropy(logits.float(), labels, ignore_index=nothing, reduction="sum")
        return loss * (self._next_weight() / pseudo.valid.sum().clamp_min(1))

    @torch.no_grad()
    def _predict(self, views: Views) -> tuple[Tensor, Tensor, Tensor]:
        """The teacher's classes and confidences (N, H, W), and where it has a choice: valid pixels without a label of
        one class."""
        logits = self.teacher(views["weak"])[self._task.name].float()  # N,K,H,W
        allowed = self._table.to(logits.device)[views["labels"]]  # N,H,W,K
        logits = logits.masked_fill(~allowed.movedim(-1, 1), -torch.inf)
        confidences, classes = logits.softmax(1).max(1)
        return classes, confidences, views["valid"] & (allowed.sum(-1) > 1)

    def _next_weight(self) -> float:
        """The weight of this batch: it rises with the steps."""
        step, ramp = self._batches // self._accumulate, self._settings.rampup
        self._batches += 1
        return self._settings.weight * (min(1.0, step / ramp) if ramp else 1.0)

    def _note(self, classes: Tensor, sure: Tensor) -> None:
        labels = self._task.labels
        every, ours = (torch.bincount(c, minlength=len(labels)).tolist() for c in (classes, classes[sure]))
        self.noted = {"confident": sum(ours) / max(sum(every), 1)}
        self.noted |= {f"confident/{name}": n / of for name, n, of in zip(labels, ours, every, strict=True) if of}

    def state(self) -> dict[str, Any]:
        """All that a resumed training needs besides the teacher."""
        return {"batches": self._batches, "thresholds": self._thresholds.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` gave."""
        self._batches = state["batches"]
        self._thresholds.restore(state["thresholds"])


def class_mixed(own: Pseudo, order: Tensor, chosen: Tensor) -> Pseudo:
    """Pastes half of the classes of each window's predecessor, rounded up, into the chosen windows (N, bool).

    `order` (N, K): the classes of each window with the smallest numbers are pasted, with their pseudo-labels or none.
    """
    other = Pseudo(*(part.roll(1, 0) for part in (own.image, own.classes, own.sure, own.valid)))
    order = order.roll(1, 0)
    known = F.one_hot(other.classes, order.shape[1]).bool() & other.valid[..., None]  # N,H,W,K
    present = known.flatten(1, 2).any(1)  # N,K
    ranks = order.masked_fill(~present, torch.inf).argsort(1).argsort(1)
    drawn = present & (ranks < (present.sum(1, keepdim=True) + 1) // 2)  # N,K
    taken = (known & drawn[:, None, None]).any(-1) & chosen[:, None, None]  # N,H,W
    return replace(
        own,
        image=torch.where(taken[:, None], other.image, own.image),
        classes=torch.where(taken, other.classes, own.classes),
        sure=torch.where(taken, other.sure, own.sure),
        valid=own.valid | taken,
    )
