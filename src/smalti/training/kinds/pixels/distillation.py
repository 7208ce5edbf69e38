"""Distillation: the net learns what a trained model, the teacher, answers for the same windows.

The term `distill` is the divergence of the net's probabilities from the teacher's, both at a temperature (Hinton,
Vinyals and Dean, 2015, "Distilling the Knowledge in a Neural Network"): cross-entropy less the teacher's own entropy,
which has the same gradients and is 0 where both agree. Differs from the paper: classes that a label rules out have the
probability 0 in the teacher, and the others are scaled to a sum of 1, so that it contradicts no label. Of a task of
values the term is the loss of the recipe, with what the teacher answers as the truth of all valid pixels.

The term `distill/features` compares the maps of the encoders at each stride (Romero et al., 2015, "FitNets: Hints for
Thin Deep Nets"): the net's, by a 1x1 convolution that is trained with it and thrown away, with the teacher's, each
channel of which is scaled to mean 0 and variance 1 over the batch. Differs from the paper: all strides at once, beside
the other terms, instead of one map before them.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from smalti.card import Task
from smalti.data.pixels.sample import Sample
from smalti.errors import RecipeError
from smalti.label_sets import allowed_table
from smalti.losses import Loss, ValueLoss
from smalti.nets.backbones.backbone import Backbone, stage_maps
from smalti.nets.build import Model
from smalti.training.encoder import encoder_of
from smalti.training.kinds.pixels.distill import DistillSettings
from smalti.training.kinds.pixels.teacher import Teacher

FEATURES = "distill/features"
"""The name of the term of the encoders' maps, which is of no task."""


class Distillation:
    """The terms of a teacher."""

    def __init__(
        self, settings: DistillSettings, teacher: Teacher, tasks: Sequence[Task], student: Model,
        losses: Mapping[str, Loss | ValueLoss],
    ) -> None:  # fmt: skip
        """`tasks` are the student's, with the sets of classes that their labels allow; `losses` are by task.

        RecipeError where features are to be compared and an encoder has other strides than the other, or is missing.
        """
        self._settings, self._teacher, self._tasks = settings, teacher, tasks
        self._losses = losses
        self.identity = teacher.identity
        self.taught = tuple(teacher.tasks)
        """The tasks of the recipe that the teacher has, too."""
        self._tables = {task.name: _table(task) for task in tasks if task.has_classes}
        self.projections = nn.ModuleList()
        """By stage, from the student's channels to the teacher's; trained with the student, and no part of it."""
        self._encoders: tuple[Backbone, Backbone] | None = None
        if settings.features:
            ours, theirs = self._encoders = (
                _encoder(student, "the net"),
                _encoder(teacher.model, f"the teacher {settings.teacher}"),
            )
            if ours.strides != theirs.strides:
                raise RecipeError(
                    f"distill.features: the net's encoder has strides {_text(ours.strides)}, the teacher's "
                    f"{_text(theirs.strides)}; choose an encoder with the same, or set features to 0"
                )
            pairs = zip(ours.channels, theirs.channels, strict=True)
            self.projections.extend(nn.Conv2d(own, other, 1) for own, other in pairs)

    @contextmanager
    def watching(self) -> Iterator[list[Tensor]]:
        """A list of the maps of the student's encoder in the pass within it, for `terms`."""
        with stage_maps(self._encoders[0] if self._encoders else None) as maps:
            yield maps

    def terms(self, outputs: Mapping[str, Tensor], maps: Sequence[Tensor], batch: Sample) -> dict[str, Tensor]:
        """The weighted terms of the windows of a batch: by the name of the task, and `FEATURES`.

        Args:
            outputs: the student's logits or values, by task (N, K, H, W).
            maps: of the student's encoder; the first N windows are those of the batch.
            batch: with N windows.
        """
        image = batch["image"]
        model = self._teacher.model.to(image.device)
        with stage_maps(self._encoders[1] if self._encoders else None) as theirs, torch.no_grad():
            answers = model(image)
        terms = {
            task.name: self._settings.weight * term
            for task in self._tasks
            if task.name in self._teacher.tasks
            for term in self._of_task(task, outputs[task.name], answers[self._teacher.tasks[task.name]], batch)
        }
        if self._encoders:
            each = [
                F.mse_loss(project(own[: len(image)].float()), _standard(other))
                for project, own, other in zip(self.projections, maps, theirs, strict=True)
            ]
            terms[FEATURES] = self._settings.features * torch.stack(each).mean()
        return terms

    def _of_task(self, task: Task, output: Tensor, answer: Tensor, batch: Sample) -> Iterator[Tensor]:
        """The term of a task, from the student's and the teacher's output N,K,H,W; none where no pixel counts."""
        if task.has_classes:
            yield self._divergence(output, answer, self._allowed(task, batch), batch["valid"])
            return
        found = self._losses[task.name]({task.name: output}, {task.name: answer[:, 0].float()}, batch["valid"])
        if found:
            yield torch.stack(list(found.values())).sum()

    def _allowed(self, task: Task, batch: Sample) -> Tensor:
        """Which classes the labels of a batch allow (N,K,H,W, or with 1 for a size); all of those made of others."""
        labels = batch["targets"].get(task.name)
        if labels is None:
            return torch.ones(1, 1, 1, 1, dtype=torch.bool, device=batch["image"].device)
        return self._tables[task.name].to(labels.device)[labels].movedim(-1, 1)

    def _divergence(self, logits: Tensor, answer: Tensor, allowed: Tensor, valid: Tensor) -> Tensor:
        """From both logits N,K,H,W, the mask of allowed classes and that of valid pixels N,H,W to a scalar."""
        t = self._settings.temperature
        theirs = (answer.float() / t).masked_fill(~allowed, -torch.inf).softmax(1)
        ours = (logits.float() / t).log_softmax(1)
        apart = (torch.xlogy(theirs, theirs) - theirs * ours).sum(1)  # N,H,W
        return t**2 * (apart * valid).sum() / valid.sum().clamp_min(1)


def _table(task: Task) -> Tensor:
    """By id of a label, the classes that it allows: ids,K."""
    table = torch.from_numpy(allowed_table(task))
    table[task.ignore] = True
    return table


@torch.no_grad()
def _encoder(model: Model, whose: str) -> Backbone:
    """The encoder of a model; RecipeError if it has none, or one per task, or does not run it stage by stage."""
    encoder = encoder_of(model, f"distill.features: {whose}")
    if isinstance(encoder, Backbone):
        training, side = model.training, max(encoder.strides)
        with stage_maps(encoder) as maps:
            model.eval()(torch.zeros(1, len(model.card.bands), side, side))
        model.train(training)
        if len(maps) == len(encoder.stages):
            return encoder
    raise RecipeError(
        f"distill.features: {whose} ({model.card.net}) has no encoder that gives its maps stage by stage; "
        "set features to 0"
    )


def _standard(maps: Tensor) -> Tensor:
    """Maps N,C,h,w with mean 0 and variance 1 in each channel, over the batch."""
    return F.batch_norm(maps.float(), None, None, training=True)


def _text(strides: Sequence[int]) -> str:
    return ", ".join(map(str, strides))
