import pytest
import torch

from smalti.errors import ModelError
from smalti.nets.backbones import BACKBONES, make_backbone


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("size", [(64, 96), (45, 33), (1, 1)])
def test_each_tap_has_the_channels_and_the_stride_it_names(name: str, size: tuple[int, int]) -> None:
    backbone = make_backbone(name, 3, 1.0).eval()
    with torch.no_grad():
        taps = backbone(torch.rand(1, 3, *size))
    expected = [
        (1, channels, *(-(-side // stride) for side in size))
        for channels, stride in zip(backbone.channels, backbone.strides, strict=True)
    ]
    assert [tuple(tap.shape) for tap in taps] == expected


@pytest.mark.parametrize("name", BACKBONES)
def test_stages_can_be_stepped_one_by_one(name: str) -> None:
    backbone = make_backbone(name, 3, 1.0).eval()
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        for stage, tap in zip(backbone.stages, backbone(x), strict=True):
            x = stage(x)
            assert torch.equal(x, tap)


@pytest.mark.parametrize(("width", "channels"), [(1.0, (24, 40, 112, 160)), (1.3, (32, 52, 144, 208))])
def test_ghostnet_widths(width: float, channels: tuple[int, ...]) -> None:
    assert make_backbone("ghostnet", 3, width).channels == channels


def test_ghostnet_widest() -> None:
    assert make_backbone("ghostnet", 3, 1.5).channels == (36, 60, 168, 240)


def test_an_unknown_encoder_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match="no encoder 'resnet50'; there are ghostnet"):
        make_backbone("resnet50", 3, 1.0)
