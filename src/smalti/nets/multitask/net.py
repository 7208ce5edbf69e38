"""A net for several tasks: one encoder, or one per task, a sharing scheme between them, and a head per task."""

import copy
import re
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from smalti.card import Task
from smalti.errors import ModelError
from smalti.nets.backbones import make_backbone
from smalti.nets.backbones.backbone import Backbone
from smalti.nets.filling import fill_fitting
from smalti.nets.multitask.heads import DECODERS, make_head
from smalti.nets.multitask.plan import SharingPlan
from smalti.nets.multitask.sharing import SHARING

# Names in a checkpoint of one task: of this net, or of a net with an encoder and a decoder.
ENCODER = re.compile(r"^encoder\.(?:0\.)?(?=stages\.)")
HEAD = re.compile(r"^heads\.0\.|^(?=decoder\.)")
SIDE = 64
"""Side in pixels of the images by which the net finds out which parameters a loss reaches."""


class MultiTask(nn.Module):
    """See the module. Options are plain JSON values, as stored in a card.

    Args:
        tasks: the tasks, in the order of the heads.
        bands: number of bands of the image.
        encoder: key in `BACKBONES`.
        width: factor of the encoder's channels.
        decoder: key in `DECODERS`, for tasks per pixel.
        output_stride: see `dilate`; None is the decoder's default.
        multi_grid: see `dilate`.
        sharing: key in `SHARING`.
        stages: the stages (from 0) after which branches exchange maps; None is all.
        gate: for `afa`: `channel`, `spatial` or `both`.
        isolation: `none`, `own`, `ratio` or a list of tasks: see `isolation`.
        tau: for isolation `ratio`.

    Raises:
        ModelError: an unknown name, or a setting that the scheme does not support.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        bands: int = 3,
        encoder: str = "resnet18",
        *,
        width: float = 1.0,
        decoder: str = "ued",
        output_stride: int | None = None,
        multi_grid: Sequence[int] = (),
        sharing: str = "shared",
        stages: Sequence[int] | None = None,
        gate: str | None = None,
        isolation: str | Sequence[str] = "none",
        tau: float | None = None,
    ) -> None:
        super().__init__()
        _check_names(tasks, decoder, sharing)
        self.tasks, self.bands = tuple(tasks), bands
        names = tuple(task.name for task in tasks)
        stride = DECODERS[decoder][0] if output_stride is None else output_stride
        encoders = [make_backbone(encoder, bands, width, stride, multi_grid)]
        plan = SharingPlan(names, encoders[0].channels, None if stages is None else tuple(stages), gate, isolation, tau)
        self.sharing = SHARING[sharing](plan)
        more = len(tasks) - 1 if self.sharing.branched else 0
        encoders += [make_backbone(encoder, bands, width, stride, multi_grid) for _ in range(more)]
        self.encoder = nn.ModuleList(encoders)
        self.heads = nn.ModuleList(make_head(task, encoders[0], decoder) for task in tasks)
        self._reached: set[str] | None = None

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Images N,bands,H,W, normalised, to {task: logits or values, N,K,H,W or, for the whole image, N,K}."""
        branches = self.sharing(self._encoders(), x)
        return {task.name: head(maps, x) for task, head, maps in zip(self.tasks, self.heads, branches, strict=True)}

    def roles(self) -> dict[str, list[nn.Parameter]]:
        """The trainable parameters by role: `backbone`, `sharing`, `head`."""
        parts = {"backbone": self.encoder, "sharing": self.sharing, "head": self.heads}
        return {role: [p for p in part.parameters() if p.requires_grad] for role, part in parts.items()}

    def shared_parameters(self) -> list[nn.Parameter]:
        """The trainable parameters that more than one task's loss reaches."""
        if self._reached is None:
            self._reached = self._find_shared()
        return [p for name, p in self.named_parameters() if name in self._reached and p.requires_grad]

    def _find_shared(self) -> set[str]:
        """Their names, found on a copy by the gradients of each output for an empty image."""
        twin = copy.deepcopy(self).requires_grad_()
        names, weights = zip(*twin.named_parameters(), strict=True)
        image = weights[0].new_zeros(2, self.bands, SIDE, SIDE)
        counts = dict.fromkeys(names, 0)
        with torch.random.fork_rng(), torch.enable_grad():
            for output in twin(image).values():
                found = torch.autograd.grad(output.sum(), weights, retain_graph=True, allow_unused=True)
                for name, gradient in zip(names, found, strict=True):
                    counts[name] += gradient is not None
        return {name for name, count in counts.items() if count > 1}

    def branch_keys(self, task: str) -> list[str]:
        """Names of the tensors of a task's branch and head; without branches, of the encoder and the head."""
        number, branch = self._place(task)
        return [key for key in self.state_dict() if key.startswith((f"encoder.{branch}.", f"heads.{number}."))]

    def fill_branch(self, task: str, weights: Mapping[str, Tensor]) -> list[str]:
        """Fills a task's branch and head, in place, from a checkpoint of one task.

        If all tasks share one encoder, it is filled, too; of several checkpoints the last one wins.

        Args:
            task: its name.
            weights: of a model with this net and one task, or with a net of an encoder and a decoder (`ued`).

        Returns lines that report what was filled and what was not; ModelError if nothing fits, or the weights are of
        several tasks.
        """
        number, branch = self._place(task)
        plain = {name.removeprefix("net."): value for name, value in weights.items()}
        if any(name.startswith("heads.1.") for name in plain):
            raise ModelError(f"task {task}: what init names has several tasks; give one with a single task")
        own = self.state_dict()
        theirs = {
            HEAD.sub(f"heads.{number}.", ENCODER.sub(f"encoder.{branch}.", name, 1), 1): value
            for name, value in plain.items()
        }
        return fill_fitting({key: own[key] for key in self.branch_keys(task)}, theirs, f"init of task {task}")

    def gates(self, x: Tensor) -> list[tuple[int, Tensor]]:
        """The gates of `afa` for images N,bands,H,W: each stage's number and its gates N,T,T,h,w or N,T,T,C.

        Row i, column j is the weight of task j's map for task i.
        """
        return self.sharing.gates(self._encoders(), x)

    def _encoders(self) -> Sequence[Backbone]:
        return cast("Sequence[Backbone]", self.encoder)

    def _place(self, task: str) -> tuple[int, int]:
        """The numbers of a task's head and of its encoder."""
        names = [known.name for known in self.tasks]
        if task not in names:
            raise ModelError(f"unknown task {task!r}; expected one of {', '.join(names)}")
        number = names.index(task)
        return number, number if self.sharing.branched else 0


def _check_names(tasks: Sequence[Task], decoder: str, sharing: str) -> None:
    for what, name, known in (("decoder", decoder, DECODERS), ("sharing scheme", sharing, SHARING)):
        if name not in known:
            raise ModelError(f"unknown {what} {name!r}; expected one of {', '.join(known)}")
    names = [task.name for task in tasks]
    if not names or len(set(names)) != len(names):
        raise ModelError(f"tasks {names}: give one or more, no two of the same name")
