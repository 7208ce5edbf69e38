"""Distillation: the net learns what a trained model, the teacher, answers for the same windows.

The term `distill` is the divergence of the net's probabilities from the teacher's, both at a temperature (Hinton,
Vinyals and Dean, 2015, "Distilling the Knowledge in a Neural Network"): cross-entropy less the teacher's own entropy,
which has the same gradients and is 0 where both agree. Differs from the paper: classes that a label rules out have the
probability 0 in the teacher, and the others are scaled to a sum of 1, so that it contradicts no label.

The term `distill/features` compares the maps of the encoders at each stride (Romero et al., 2015, "FitNets: Hints for
Thin Deep Nets"): the net's, by a 1x1 convolution that is trained with it and thrown away, with the teacher's, each
channel of which is scaled to mean 0 and variance 1 over the batch. Differs from the paper: all strides at once, beside
the other terms, instead of one map before them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from smalti.card import Task
from smalti.data.pixels.sample import Sample
from smalti.errors import RecipeError
from smalti.label_sets import allowed_table
from smalti.nets.backbones.backbone import Backbone, stage_maps
from smalti.nets.build import Model
from smalti.training.encoder import encoder_of
from smalti.training.kinds.pixels.distill import DistillSettings
from smalti.training.kinds.pixels.teacher import Teacher


class Distillation:
    """The terms of a teacher."""

    def __init__(self, settings: DistillSettings, teacher: Teacher, task: Task, student: Model) -> None:
        """`task` is the student's, with the sets of classes that its labels allow.

        RecipeError where features are to be compared and an encoder has other strides than the other, or is missing.
        """
        self._settings, self._teacher, self._task = settings, teacher, task
        self.identity = teacher.identity
        self._table = torch.from_numpy(allowed_table(task))  # ids,K
        self._table[task.ignore] = True
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

    def terms(self, logits: Tensor, maps: Sequence[Tensor], batch: Sample) -> dict[str, Tensor]:
        """The weighted terms of the windows of a batch.

        Args:
            logits: the student's, (N, K, H, W).
            maps: of the student's encoder; the first N windows are those of the batch.
            batch: with N windows.
        """
        image = batch["image"]
        model = self._teacher.model.to(image.device)
        with stage_maps(self._encoders[1] if self._encoders else None) as theirs, torch.no_grad():
            answer = model(image)[self._teacher.task]
        labels, valid = batch["targets"][self._task.name], batch["valid"]
        terms = {"distill": self._settings.weight * self._divergence(logits, answer, labels, valid)}
        if self._encoders:
            each = [
                F.mse_loss(project(own[: len(image)].float()), _standard(other))
                for project, own, other in zip(self.projections, maps, theirs, strict=True)
            ]
            terms["distill/features"] = self._settings.features * torch.stack(each).mean()
        return terms

    def _divergence(self, logits: Tensor, answer: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
        """From both logits N,K,H,W, label ids N,H,W and the mask N,H,W of valid pixels to a scalar."""
        t = self._settings.temperature
        allowed = self._table.to(labels.device)[labels].movedim(-1, 1)  # N,K,H,W
        theirs = (answer.float() / t).masked_fill(~allowed, -torch.inf).softmax(1)
        ours = (logits.float() / t).log_softmax(1)
        apart = (torch.xlogy(theirs, theirs) - theirs * ours).sum(1)  # N,H,W
        return t**2 * (apart * valid).sum() / valid.sum().clamp_min(1)


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
