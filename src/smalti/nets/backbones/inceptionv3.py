"""Inception v3 as an encoder.

After Szegedy et al., 2016 ("Rethinking the Inception Architecture for Computer Vision"). Differs from the paper: every
convolution and pooling is padded (the paper's stem and reductions are not), so that maps have the same sides as those
of other encoders; the auxiliary classifier is left out. Trained weights can be loaded; those of torchvision expect
pixels from -1 to 1, so the card needs mean and std 0.5.
"""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from smalti.nets.backbones.backbone import Backbone
from smalti.nets.layers import divisible, initialise

# name of the unit, outputs, kernel rows, kernel columns, stride
Row = tuple[str, int, int, int, int]
# rows one after the other; rows inside a tuple of their own are all fed alike, and joined
Branch = Sequence[Row | tuple[Row, Row]]


def mixed_a(pooled: int) -> list[Branch]:
    """Windows of 1, 3 and 5 pixels, and the pooled neighbourhood."""
    return [
        [("branch1x1", 64, 1, 1, 1)],
        [("branch5x5_1", 48, 1, 1, 1), ("branch5x5_2", 64, 5, 5, 1)],
        [("branch3x3dbl_1", 64, 1, 1, 1), ("branch3x3dbl_2", 96, 3, 3, 1), ("branch3x3dbl_3", 96, 3, 3, 1)],
        [("branch_pool", pooled, 1, 1, 1)],
    ]


MIXED_B: list[Branch] = [
    [("branch3x3", 384, 3, 3, 2)],
    [("branch3x3dbl_1", 64, 1, 1, 1), ("branch3x3dbl_2", 96, 3, 3, 1), ("branch3x3dbl_3", 96, 3, 3, 2)],
]


def mixed_c(inner: int) -> list[Branch]:
    """Windows of 7 pixels, taken apart into rows and columns."""
    return [
        [("branch1x1", 192, 1, 1, 1)],
        [("branch7x7_1", inner, 1, 1, 1), ("branch7x7_2", inner, 1, 7, 1), ("branch7x7_3", 192, 7, 1, 1)],
        [
            ("branch7x7dbl_1", inner, 1, 1, 1),
            ("branch7x7dbl_2", inner, 7, 1, 1),
            ("branch7x7dbl_3", inner, 1, 7, 1),
            ("branch7x7dbl_4", inner, 7, 1, 1),
            ("branch7x7dbl_5", 192, 1, 7, 1),
        ],
        [("branch_pool", 192, 1, 1, 1)],
    ]


MIXED_D: list[Branch] = [
    [("branch3x3_1", 192, 1, 1, 1), ("branch3x3_2", 320, 3, 3, 2)],
    [
        ("branch7x7x3_1", 192, 1, 1, 1),
        ("branch7x7x3_2", 192, 1, 7, 1),
        ("branch7x7x3_3", 192, 7, 1, 1),
        ("branch7x7x3_4", 192, 3, 3, 2),
    ],
]
MIXED_E: list[Branch] = [
    [("branch1x1", 320, 1, 1, 1)],
    [("branch3x3_1", 384, 1, 1, 1), (("branch3x3_2a", 384, 1, 3, 1), ("branch3x3_2b", 384, 3, 1, 1))],
    [
        ("branch3x3dbl_1", 448, 1, 1, 1),
        ("branch3x3dbl_2", 384, 3, 3, 1),
        (("branch3x3dbl_3a", 384, 1, 3, 1), ("branch3x3dbl_3b", 384, 3, 1, 1)),
    ],
    [("branch_pool", 192, 1, 1, 1)],
]
STEM: list[Row] = [
    ("1a", 32, 3, 3, 2),
    ("2a", 32, 3, 3, 1),
    ("2b", 64, 3, 3, 1),
    ("3b", 80, 1, 1, 1),
    ("4a", 192, 3, 3, 1),
]
STAGES: list[list[list[Branch]]] = [
    [mixed_a(32), mixed_a(64), mixed_a(64)],
    [MIXED_B, mixed_c(128), mixed_c(160), mixed_c(160), mixed_c(192)],
    [MIXED_D, MIXED_E, MIXED_E],
]


class Unit(nn.Sequential):
    """Convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, rows: int, columns: int, stride: int) -> None:
        conv = nn.Conv2d(inputs, outputs, (rows, columns), stride, (rows // 2, columns // 2), bias=False)
        super().__init__(OrderedDict(conv=conv, norm=nn.BatchNorm2d(outputs, eps=1e-3), act=nn.ReLU()))


class Pool(nn.MaxPool2d):
    """Max pooling of 3x3 pixels with stride 2; zero padding is correct, as inputs are not negative."""

    def __init__(self) -> None:
        super().__init__(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        """N,C,H,W to N,C,ceil(H/2),ceil(W/2), or, where `dilate` took its stride, to N,C,H,W."""
        beyond = self.dilation[0] if isinstance(self.dilation, tuple) else self.dilation
        return F.max_pool2d(F.pad(x, (beyond,) * 4), 3, self.stride, 0, beyond)


class Mixed(nn.Module):
    """Parallel branches, concatenated. A block with a stride has pooling as a further branch."""

    def __init__(self, inputs: int, branches: Sequence[Branch], width: float) -> None:
        super().__init__()
        self.branches = branches
        for branch in branches:
            wide = inputs
            for step in branch:
                for name, outputs, *shape in _rows(step):
                    self.add_module(name, Unit(wide, scaled(outputs, width), *shape))
                wide = sum(scaled(row[1], width) for row in _rows(step))
        strided = any(row[-1] > 1 for branch in branches for step in branch for row in _rows(step))
        self.pool = Pool() if strided else nn.AvgPool2d(3, 1, 1)
        ends = sum(scaled(row[1], width) for branch in branches for row in _rows(branch[-1]))
        self.outputs = ends + (inputs if strided else 0)

    def forward(self, x: Tensor) -> Tensor:
        """N,inputs,H,W to N,outputs,H,W, or half of the sides."""
        pooled = self.pool(x)
        maps = []
        for branch in self.branches:
            y = pooled if _rows(branch[0])[0][0] == "branch_pool" else x
            for step in branch:
                y = torch.cat([self.get_submodule(row[0])(y) for row in _rows(step)], 1)
            maps.append(y)
        return torch.cat(maps if isinstance(self.pool, nn.AvgPool2d) else [*maps, pooled], 1)


def _rows(step: Row | tuple[Row, Row]) -> Sequence[Row]:
    return [step] if isinstance(step[0], str) else step


def scaled(channels: int, width: float) -> int:
    """Channels of a net of that width."""
    return channels if width == 1 else divisible(channels * width, 8)


class InceptionV3(Backbone):
    """Inception v3; stages end before its poolings and reductions."""

    def __init__(self, bands: int = 3, width: float = 1.0) -> None:
        sizes = [bands, *(scaled(row[1], width) for row in STEM)]
        units = [Unit(inputs, outputs, *row[2:]) for (inputs, outputs), row in zip(pairwise(sizes), STEM, strict=True)]
        stages: list[nn.Module] = [nn.Sequential(*units[:3], Pool(), *units[3:])]
        channels = [sizes[-1]]
        for blocks in STAGES:
            inputs, made = channels[-1], list[nn.Module]()
            for branches in blocks:
                block = Mixed(inputs, branches, width)
                made.append(block)
                inputs = block.outputs
            stages.append(nn.Sequential(*([Pool()] if len(stages) == 1 else []), *made))
            channels.append(inputs)
        super().__init__(stages, channels)
        initialise(self)
