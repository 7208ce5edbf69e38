"""Encoders of the timm library whose stages have strides 4, 8, 16 and 32.

Optional: timm needs torchvision, which needs a torch of the same build.
"""

from collections import OrderedDict
from types import ModuleType
from typing import Any

import torch
from torch import nn

from smalti.errors import MissingExtraError, ModelError
from smalti.nets.backbones.backbone import Backbone

PREFIX = "timm:"


class TimmEncoder(Backbone):
    """An encoder by its name in timm, with random weights.

    Raises:
        MissingExtraError: timm is not installed.
        ModelError: timm cannot be imported or does not know the name, or the encoder is of another kind.
    """

    def __init__(self, name: str, bands: int, width: float) -> None:
        if width != 1.0:
            raise ModelError(
                f"encoder {PREFIX}{name} has one width, not {width}; timm has the others under other names"
            )
        net = _create(name, bands)
        info = net.feature_info
        found = zip(info.module_name(), info.channels(), info.reduction(), strict=True)
        taps = [tap for tap in found if tap[2] >= self.strides[0]]
        stages = _stages(net, [tap for tap, *_ in taps])
        super().__init__(stages, [channels for _, channels, _ in taps])
        if tuple(stride for *_, stride in taps) != self.strides or not self._equals(net, bands):
            raise ModelError(f"encoder {PREFIX}{name} has no stages of strides 4, 8, 16 and 32, one after the other")

    @torch.no_grad()
    def _equals(self, net: nn.Module, bands: int) -> bool:
        """Whether the stages, one after the other, are what timm runs: some nets do more between their modules."""
        device = next(net.parameters()).device
        if device.type == "meta":
            return True
        image = torch.linspace(-1, 1, bands * 64 * 64, device=device).view(1, bands, 64, 64)
        net.eval()
        try:
            pairs = list(zip(self(image), net(image)[-len(self.stages) :], strict=True))
        except Exception:  # what a module makes of an input that is not meant for it
            return False
        net.train()
        return all(torch.equal(ours, theirs) for ours, theirs in pairs)


def _stages(net: nn.Module, ends: list[str]) -> list[nn.Module]:
    """A net's modules in their order, split after each of `ends`; `blocks.1` is inside `blocks`."""
    stages: list[OrderedDict[str, nn.Module]] = [OrderedDict()]
    cuts = {end.replace(".", "_") for end in ends[:-1]}
    for name, child in net.named_children():
        inside = any(end.startswith(f"{name}.") for end in ends)
        parts = [(f"{name}_{inner}", part) for inner, part in child.named_children()] if inside else [(name, child)]
        for part, module in parts:
            stages[-1][part] = module
            if part in cuts:
                stages.append(OrderedDict())
    return [nn.Sequential(stage) for stage in stages]


def _create(name: str, bands: int) -> Any:
    timm = _import()
    try:
        return timm.create_model(name, pretrained=False, features_only=True, in_chans=bands)
    except Exception as error:  # timm's models raise errors of many unrelated families
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"encoder {PREFIX}{name}: timm cannot build it: {reason}") from None


def _import() -> ModuleType:
    try:
        import timm
    except ModuleNotFoundError:
        raise MissingExtraError("timm", "timm") from None
    except Exception as error:  # torchvision of another build than torch fails in its own ways
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"timm is installed but cannot be imported ({reason}); install torchvision from the index of your torch"
        ) from None
    module: ModuleType = timm
    return module
