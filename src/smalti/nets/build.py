"""Builds models from cards: the table of all nets by name, and the normalisation of pixels."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from smalti.card import Card, Task
from smalti.errors import ModelError
from smalti.extensions import calling, find_extension, nobody_brings, unfit
from smalti.nets.multitask import MULTITASK
from smalti.nets.narrow import narrow
from smalti.nets.ranking import RANKERS
from smalti.nets.segmentation.bes import UEDBES
from smalti.nets.segmentation.bisenetv2 import BiSeNetV2
from smalti.nets.segmentation.ddrnet import DDRNet
from smalti.nets.segmentation.deeplabv3plus import DeepLabV3Plus
from smalti.nets.segmentation.fastscnn import FastSCNN
from smalti.nets.segmentation.fcn import FCN
from smalti.nets.segmentation.fpn import FPN
from smalti.nets.segmentation.lraspp import LRASPP
from smalti.nets.segmentation.pidnet import PIDNet
from smalti.nets.segmentation.pspnet import PSPNet
from smalti.nets.segmentation.resunet import ResUNet
from smalti.nets.segmentation.segformer import SegFormer
from smalti.nets.segmentation.segnet import SegNet
from smalti.nets.segmentation.sfm import UEDBESSFM
from smalti.nets.segmentation.ued import UED
from smalti.nets.segmentation.unet import UNet
from smalti.nets.segmentation.unetformer import UNetFormer

GROUP = "smalti.nets"
"""The entry point group in which other packages register nets, each a function like those in `NETS`."""

NETS: dict[str, Callable[..., nn.Module]] = {
    "ued": UED,
    "ued_bes": UEDBES,
    "ued_bes_sfm": UEDBESSFM,
    "fastscnn": FastSCNN,
    "bisenetv2": BiSeNetV2,
    "ddrnet23_slim": DDRNet,
    "pidnet_s": PIDNet,
    "segformer": SegFormer,
    "unetformer": UNetFormer,
    "segresnet18": partial(UED, encoder="resnet18"),
    "segresnet34": partial(UED, encoder="resnet34"),
    "segresnet50": partial(UED, encoder="resnet50"),
    "segresnet101": partial(UED, encoder="resnet101"),
    "fcn32s": partial(FCN, stride=32),
    "fcn16s": partial(FCN, stride=16),
    "fcn8s": partial(FCN, stride=8),
    "segnet": SegNet,
    "unet": UNet,
    "resunet": ResUNet,
    "pspnet": PSPNet,
    "deeplabv3plus": DeepLabV3Plus,
    "lraspp": LRASPP,
    "fpn": FPN,
}

_OWN = frozenset(NETS | MULTITASK | RANKERS)


class Normalise(nn.Module):
    """(x * scale - mean) / std per band; pixels that are not finite enter the net as 0, an average pixel."""

    def __init__(self, scale: float, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        deviation = torch.tensor(std, dtype=torch.float64).view(1, -1, 1, 1)
        shift = torch.tensor(mean, dtype=torch.float64).view(1, -1, 1, 1) / deviation
        self.factor: Tensor
        self.shift: Tensor
        # The card holds these numbers, so a checkpoint does not store them.
        self.register_buffer("factor", (scale / deviation).float(), persistent=False)
        self.register_buffer("shift", shift.float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Raw pixels N,C,H,W of any dtype to float32."""
        y = x.float() * self.factor - self.shift
        # this comparison is false for NaN and infinity in every engine
        return torch.where(y.abs() < torch.inf, y, 0.0)


class Model(nn.Module):
    """A net with its card: raw pixels in, a dict of logits or values out."""

    def __init__(self, card: Card, net: nn.Module) -> None:
        super().__init__()
        self.card = card
        self.normalise = Normalise(card.scale, card.mean, card.std)
        self.net = net

    def forward(self, x: Tensor, *others: Tensor) -> dict[str, Tensor]:
        """Raw pixels N,C,H,W of any dtype, and further inputs of the net, to the net's outputs."""
        return self.net(self.normalise(x), *others)  # type: ignore[no-any-return]


class CheckedModel(Model):
    """A model with a net of another package; ExtensionError where that fails, or predicts something else."""

    def forward(self, x: Tensor, *others: Tensor) -> dict[str, Tensor]:
        """See `Model`."""
        if torch.compiler.is_compiling():  # the graph of a net that was checked before
            return super().forward(x, *others)
        with calling(GROUP, self.card.net):
            found = super().forward(x, *others)
        if not isinstance(found, Mapping):
            raise unfit(GROUP, self.card.net, f"gives {type(found).__name__}", "a dict of outputs by task")
        for task in self.card.tasks:
            if task.kind != "score":
                self._check(task, found.get(task.name), x)
        return found

    def _check(self, task: Task, logits: Any, x: Tensor) -> None:
        """ExtensionError unless these are what is expected of a net for a batch."""
        wanted = (len(x), task.channels, *(() if task.per_image else x.shape[2:]))
        if not isinstance(logits, Tensor) or logits.shape != wanted or not logits.is_floating_point():
            came = f"{logits.dtype} of shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else f"{logits!r:.40}"
            mode = " in training mode" if self.training else ""
            raise unfit(GROUP, self.card.net, f"gives {came} for {task.name!r}{mode}", f"floats of shape {wanted}")
        if self.training and torch.is_grad_enabled() and not logits.requires_grad:
            raise unfit(GROUP, self.card.net, f"gives no gradient for {task.name!r}", "weights that can be trained")


def build(card: Card, seed: int | None = None) -> Model:
    """The model that a card describes, with random weights.

    With a seed, torch's generator gets it first, but after the module of another package's net is imported: that may
    draw numbers itself.

    Raises:
        ModelError: an unknown net, or options that do not fit it.
        ExtensionError: another package's net cannot be used.
    """
    make, own = find_net(card)
    if seed is not None:
        torch.manual_seed(seed)
    unfitting = (TypeError, ValueError, RuntimeError)  # for unknown options, and values that torch rejects
    try:
        with nullcontext() if own else calling(GROUP, card.net, *unfitting):
            net = make(**_demands(card), bands=len(card.bands), **card.options)
            narrow(net, card.narrowed, len(card.bands))
    except unfitting as error:
        raise ModelError(f"model {card.name}: options {card.options} do not fit net {card.net}: {error}") from error
    return Model(card, net) if own else _checked(card, net)


def find_net(card: Card) -> tuple[Callable[..., nn.Module], bool]:
    """What makes the net of a card, and whether it is of this program; the module of another package is imported.

    ModelError for an unknown net.
    """
    nets = RANKERS if card.tasks[0].kind == "score" else NETS | MULTITASK
    make = nets[card.net] if card.net in nets else find_extension(GROUP, card.net)
    if make is None:
        known = ", ".join(nets)
        raise ModelError(
            f"model {card.name}: unknown net {card.net!r}; expected one of {known}; {nobody_brings(GROUP)}"
        )
    if not callable(make):
        raise unfit(GROUP, card.net, f"is {make!r}", "a function that makes a net")
    return make, card.net in _OWN


def _checked(card: Card, net: Any) -> Model:
    """A model with a net of another package, tried with one tile."""
    if not isinstance(net, nn.Module):
        raise unfit(GROUP, card.net, f"makes {net!r}", "a torch.nn.Module")
    model = CheckedModel(card, net)
    if card.tasks[0].kind != "score":  # a ranker has further inputs
        with torch.no_grad():
            model.eval()(torch.zeros(1, len(card.bands), card.tile, card.tile))
    return model.train()


def _demands(card: Card) -> dict[str, Any]:
    """The arguments that describe the card's tasks to its net; ModelError if the net does not support them."""
    if card.net in MULTITASK:
        return {"tasks": card.tasks}
    if len(card.tasks) != 1:
        raise ModelError(f"model {card.name}: net {card.net} predicts one task, the card has {len(card.tasks)}")
    [task] = card.tasks
    if task.kind == "score":
        return {"task": task.name}
    if task.per_image or task.minimum is not None:
        raise ModelError(
            f"model {card.name}: task {task.name} has one prediction per image, or a minimum; net {card.net} "
            f"supports neither, use {', '.join(MULTITASK)}"
        )
    return {"task": task.name, "classes": task.channels}
