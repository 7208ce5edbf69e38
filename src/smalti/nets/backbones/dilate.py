"""Replaces strides of an encoder by dilations, for finer maps (Chen et al., 2017, "Rethinking Atrous Convolution").

A convolution that loses its stride keeps its own dilation; the dilation of all that follow is doubled. So the finer map
contains the values of the coarse one, and others between them: trained weights keep their function.
"""

from collections.abc import Sequence

from torch import nn

from smalti.errors import ModelError
from smalti.nets.backbones.backbone import Backbone
from smalti.nets.layers import ConvNorm, SamePad

Strided = nn.Conv2d | nn.MaxPool2d


def dilate(backbone: Backbone, output_stride: int, multi_grid: Sequence[int] = ()) -> None:
    """Limits the stride of an encoder, in place.

    Args:
        backbone: a fresh encoder of strides up to 32.
        output_stride: 32 (changes nothing), 16 or 8: no stage is coarser.
        multi_grid: factors of the dilations in the last stage, one per block; all convolutions of a block get the
            stage's dilation times its factor, as in the paper. By default dilations are as described above.

    Raises:
        ModelError: another stride, strided windows of an even side, or another number of factors than blocks.
    """
    if output_stride not in (8, 16, 32):
        raise ModelError(f"output_stride {output_stride} is not possible; choose 8, 16 or 32")
    rate = 1
    for stage, stride in zip(backbone.stages, backbone.strides, strict=True):
        for unit in stage.children():
            if stride > output_stride:
                rate = _spread(unit, rate)
    if multi_grid:
        _apply_grid(list(backbone.stages[-1].children()), rate, multi_grid)
    backbone.strides = tuple(min(stride, output_stride) for stride in backbone.strides)


def _spread(unit: nn.Module, rate: int) -> int:
    """Removes the stride of one block and sets its dilations; returns the dilation after it."""
    behind = rate
    for layer in _layers(unit):
        strided = _pair(layer.stride) != (1, 1)
        _set_rate(layer, rate if strided else behind)
        if strided:
            if isinstance(layer, nn.Conv2d) and _pair(layer.kernel_size)[0] % 2 == 0:
                raise ModelError("this encoder's stride cannot be limited: it strides by windows of an even side")
            layer.stride = (1, 1)
            behind = 2 * rate
    for module in unit.modules():
        if isinstance(module, ConvNorm) and hasattr(module, "pad"):
            kernel, spread = _pair(module.conv.kernel_size)[0], _pair(module.conv.dilation)[0]
            beyond = (kernel - 1) * spread
            same = isinstance(module.pad, SamePad)
            module.pad = SamePad(kernel, spread, strided=False) if same else nn.ZeroPad2d((0, beyond, 0, beyond))
    return behind


def _apply_grid(blocks: list[nn.Module], rate: int, multi_grid: Sequence[int]) -> None:
    if len(blocks) != len(multi_grid):
        raise ModelError(f"multi_grid has {len(multi_grid)} factors, the encoder's last stage {len(blocks)} blocks")
    for block, factor in zip(blocks, multi_grid, strict=True):
        for layer in _layers(block):
            _set_rate(layer, rate * factor)


def _layers(unit: nn.Module) -> list[Strided]:
    return [module for module in unit.modules() if isinstance(module, Strided)]


def _set_rate(layer: Strided, rate: int) -> None:
    rows, columns = _pair(layer.kernel_size)
    layer.dilation = (rate, rate)
    if any(_pair(layer.padding)):
        layer.padding = (rate * (rows // 2), rate * (columns // 2))


def _pair(value: object) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)
