import sys
import types
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from smalti.errors import MissingExtraError, ModelError
from smalti.nets.backbones import make_backbone
from smalti.nets.build import NETS
from smalti.nets.weights import load_encoder

CHANNELS, STRIDES = (4, 6, 8, 10, 12), (2, 4, 8, 16, 32)


class Features(nn.ModuleDict):
    """As timm's nets are with `features_only`: modules in the order they run, of which some are named as taps."""

    def __init__(self, bands: int) -> None:
        pairs = list(zip((bands, *CHANNELS), CHANNELS, strict=False))
        layers = OrderedDict(conv_stem=nn.Conv2d(*pairs[0], 3, 2, 1), act=nn.ReLU())
        for number, (inputs, outputs) in enumerate(pairs[1:]):
            layers[f"blocks_{number}"] = nn.Sequential(nn.Conv2d(inputs, outputs, 3, 2, 1), nn.BatchNorm2d(outputs))
        super().__init__(layers)
        names = ["act", *(f"blocks.{number}" for number in range(4))]
        self.return_layers = {name.replace(".", "_"): name for name in names}
        self.feature_info = types.SimpleNamespace(
            module_name=lambda: names, channels=lambda: list(CHANNELS), reduction=lambda: list(STRIDES)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        taps = []
        for name, module in self.items():
            x = module(x)
            if name in self.return_layers:
                taps.append(x)
        return taps


def create(name: str, pretrained: bool, features_only: bool, in_chans: int) -> nn.Module:
    assert features_only and not pretrained
    if name == "flat":
        net = Features(in_chans)
        net.feature_info.reduction = lambda: [16] * 5
        return net
    if name == "more":
        net = Features(in_chans)
        net.register_forward_pre_hook(lambda _, inputs: (2 * inputs[0],))
        return net
    if name == "even":
        net = Features(in_chans)
        net["blocks_3"][0] = nn.Conv2d(CHANNELS[3], CHANNELS[4], 2, 2)
        return net
    if name != "tiny":
        raise RuntimeError(f"Unknown model ({name})\nand more")
    return Features(in_chans)


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", types.SimpleNamespace(create_model=create))


@pytest.mark.usefixtures("timm")
def test_its_stages_are_timms() -> None:
    torch.manual_seed(0)
    backbone = make_backbone("timm:tiny", 5, 1.0)
    torch.manual_seed(0)
    theirs = Features(5)
    assert backbone.channels == CHANNELS[1:] and backbone.strides == STRIDES[1:]
    x = torch.rand(2, 5, 64, 96)
    for tap, expected in zip(backbone(x), theirs(x)[1:], strict=True):
        torch.testing.assert_close(tap, expected)


@pytest.mark.usefixtures("timm")
def test_it_serves_a_decoder_at_a_finer_stride() -> None:
    net = NETS["deeplabv3plus"](classes=3, encoder="timm:tiny", output_stride=8).eval()
    assert [tap.shape[-1] for tap in net.encoder(torch.rand(1, 3, 64, 64))] == [16, 8, 8, 8]
    assert net(torch.rand(1, 3, 45, 33))["classes"].shape == (1, 3, 45, 33)


@pytest.mark.usefixtures("timm")
def test_timms_own_files_and_ours_are_read(tmp_path: Path) -> None:
    theirs = {key.replace("blocks_", "blocks."): value for key, value in Features(3).state_dict().items()}
    save_file(theirs | {"head.fc.weight": torch.zeros(2, 2)}, tmp_path / "theirs.safetensors")
    backbone = make_backbone("timm:tiny", 3, 1.0)
    load_encoder(backbone, tmp_path / "theirs.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(backbone.state_dict().values(), theirs.values(), strict=True))

    net = NETS["ued"](classes=2, encoder="timm:tiny")
    save_file({f"net.{key}": value for key, value in net.state_dict().items()}, tmp_path / "ours.safetensors")
    load_encoder(backbone, tmp_path / "ours.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(backbone.parameters(), net.encoder.parameters(), strict=True))

    del theirs["blocks.2.0.weight"]
    save_file(theirs, tmp_path / "less.safetensors")
    with pytest.raises(ModelError, match=r"it lacks stages\.2\.blocks_2\.0\.weight$"):
        load_encoder(backbone, tmp_path / "less.safetensors")


@pytest.mark.usefixtures("timm")
def test_what_does_not_fit_is_one_line() -> None:
    with pytest.raises(ModelError, match=r"^encoder timm:huge: timm cannot build it: Unknown model \(huge\)$"):
        make_backbone("timm:huge", 3, 1.0)
    for name in ("flat", "more"):
        with pytest.raises(ModelError, match=f"timm:{name} has no stages of strides 4, 8, 16 and 32"):
            make_backbone(f"timm:{name}", 3, 1.0)
    with pytest.raises(ModelError, match="stride cannot be limited"):
        make_backbone("timm:even", 3, 1.0, 16)
    with pytest.raises(ModelError, match=r"has one width, not 0\.5"):
        make_backbone("timm:tiny", 3, 0.5)


def test_timm_that_is_missing_or_broken_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtraError, match=r"timm is not installed.*smalti\[timm\]"):
        make_backbone("timm:resnet18", 3, 1.0)
    (tmp_path / "timm.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "timm")
    with pytest.raises(ModelError, match=r"cannot be imported \(operator torchvision::nms does not exist\); install"):
        make_backbone("timm:resnet18", 3, 1.0)
