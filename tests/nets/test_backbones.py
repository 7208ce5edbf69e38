import pytest
import torch
from torch import nn

from smalti.errors import ModelError
from smalti.nets.backbones import BACKBONES, make_backbone

# encoder: parameters of the whole classifier as torchvision 0.28 states them, and those of the part we leave out;
# EfficientNet-Lite0: those of its published weights
PUBLISHED = {
    "efficientnet_lite0": (4_652_008, 412_160 + 1_281_000),
    "inceptionv3": (27_161_264, 3_326_696 + 2_049_000),
    "mobilenetv2": (3_504_872, 412_160 + 1_281_000),
    "mobilenetv3_large": (5_483_032, 1_230_080 + 1_281_000),
    "mobilenetv3_small": (2_542_856, 590_848 + 1_025_000),
    "resnet18": (11_689_512, 513_000),
    "resnet34": (21_797_672, 513_000),
    "resnet50": (25_557_032, 2_049_000),
    "resnet101": (44_549_160, 2_049_000),
    "vgg16": (138_357_544, 123_642_856),
    "vgg16_bn": (138_365_992, 123_642_856),
    "vgg19": (143_667_240, 123_642_856),
    "vgg19_bn": (143_678_248, 123_642_856),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_an_encoder_is_as_large_as_published(name: str) -> None:
    whole, head = PUBLISHED[name]
    with torch.device("meta"):
        backbone = make_backbone(name, 3, 1.0)
    assert sum(p.numel() for p in backbone.parameters()) == whole - head


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize(("size", "output_stride"), [((64, 96), 32), ((45, 33), 16), ((1, 1), 8)])
def test_each_tap_has_the_channels_and_the_stride_it_names(
    name: str, size: tuple[int, int], output_stride: int
) -> None:
    with torch.device("meta"):
        backbone = make_backbone(name, 3, 0.25, output_stride).eval()
        taps = backbone(torch.rand(1, 3, *size))
    assert max(backbone.strides) == output_stride
    expected = [
        (1, channels, *(-(-side // stride) for side in size))
        for channels, stride in zip(backbone.channels, backbone.strides, strict=True)
    ]
    assert [tuple(tap.shape) for tap in taps] == expected


@pytest.mark.parametrize("name", BACKBONES)
def test_stages_can_be_stepped_one_by_one(name: str) -> None:
    backbone = make_backbone(name, 3, 0.25).eval()
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        for stage, tap in zip(backbone.stages, backbone(x), strict=True):
            x = stage(x)
            torch.testing.assert_close(x, tap)


def settle(backbone: nn.Module, x: torch.Tensor) -> None:
    """One step in training gives batch norms the statistics that keep numbers of size 1."""
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    backbone.train()(x)


# Those with squeeze-excitation take means over the map, and the finer map has others.
@pytest.mark.parametrize(
    "name",
    ["mobilenetv2", "mobilenetv2_tf", "efficientnet_lite0", "resnet18", "resnet50", "resnet_slim", "vgg16", "vgg16_bn"],
)
@pytest.mark.parametrize("output_stride", [16, 8])
@torch.no_grad()
def test_a_finer_map_holds_the_coarse_one(name: str, output_stride: int) -> None:
    torch.manual_seed(0)
    coarse, fine = make_backbone(name, 3, 0.25), make_backbone(name, 3, 0.25, output_stride)
    x = torch.randn(1, 3, 135, 96)
    settle(coarse, x)
    fine.load_state_dict(coarse.state_dict())
    for tap, finer, stride in zip(coarse.eval()(x), fine.eval()(x), coarse.strides, strict=True):
        step = max(1, stride // output_stride)
        torch.testing.assert_close(finer[..., ::step, ::step], tap, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("output_stride", "base"), [(32, 1), (16, 2), (8, 4)])
def test_a_multi_grid_multiplies_the_rates_of_the_last_stage(output_stride: int, base: int) -> None:
    backbone = make_backbone("resnet50", 3, 0.25, output_stride, (1, 2, 4))
    wide = [m for m in backbone.stages[-1].modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert [conv.dilation for conv in wide] == [(base * k,) * 2 for k in (1, 2, 4)]
    assert [conv.padding for conv in wide] == [(base * k,) * 2 for k in (1, 2, 4)]
    assert backbone.eval()(torch.rand(1, 3, 64, 64))[-1].shape[-1] == 64 // output_stride


def test_unfit_strides_and_grids_are_refused() -> None:
    with pytest.raises(ModelError, match="output_stride 4 is not possible; choose 8, 16 or 32"):
        make_backbone("resnet18", 3, 0.25, 4)
    with pytest.raises(ModelError, match="multi_grid has 3 factors, the encoder's last stage 2 blocks"):
        make_backbone("resnet18", 3, 0.25, 16, (1, 2, 4))


@pytest.mark.parametrize(("width", "channels"), [(1.0, (24, 40, 112, 160)), (1.3, (32, 52, 144, 208))])
def test_ghostnet_widths(width: float, channels: tuple[int, ...]) -> None:
    assert make_backbone("ghostnet", 3, width).channels == channels


def test_ghostnet_widest() -> None:
    assert make_backbone("ghostnet", 3, 1.5).channels == (36, 60, 168, 240)


def test_an_unknown_encoder_is_refused_by_name() -> None:
    with pytest.raises(
        ModelError, match=r"unknown encoder 'resnet51'; expected one of efficientnet_lite0, ghostnet.*, or timm:NAME"
    ):
        make_backbone("resnet51", 3, 1.0)
