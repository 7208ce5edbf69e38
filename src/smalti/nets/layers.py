"""Small layers that several nets share. Tensors are N,C,H,W float32 unless a docstring says otherwise."""

import math
from collections.abc import Iterable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Padding = Literal["torch", "tf", "same"]


class SamePad(nn.Module):
    """Zeros around a map as TensorFlow's SAME padding puts them before a convolution of stride 2.

    A kernel of k needs k - 2 zeros for an even side and k - 1 for an odd one; the half, rounded down, goes to the left
    and to the top. With `rate` the convolution has given up its stride: it walks a map of `rate` times as many pixels,
    spread by `rate`, and begins where it would begin on the coarse map.
    """

    def __init__(self, kernel: int, rate: int = 1, *, strided: bool = True) -> None:
        super().__init__()
        self.kernel, self.rate, self.strided = kernel, rate, strided

    def forward(self, x: Tensor) -> Tensor:
        """N,C,H,W to N,C and the sides that a convolution without padding makes ceil(side / stride) of."""
        (top, bottom), (left, right) = (self._zeros(side) for side in x.shape[-2:])
        return F.pad(x, (left, right, top, bottom))

    def _zeros(self, side: int) -> tuple[int, int]:
        """Zeros before and behind a side of this many pixels."""
        odd = (side + self.rate - 1) // self.rate % 2
        before = (self.kernel - 2 + odd) // 2 * self.rate
        every = self.kernel - 2 + odd if self.strided else (self.kernel - 1) * self.rate
        return before, every - before


class ConvNorm(nn.Sequential):
    """Convolution, batch norm and, unless `act` is None, an activation.

    Output sides are ceil(side / stride). With `padding="tf"` a strided convolution begins at the first pixel instead of
    one before it, as TensorFlow's SAME padding does for kernels of 3 on even sides; unlike TensorFlow, also
    on odd sides. With `padding="same"` a convolution of stride 2 begins where
    TensorFlow's does, for every kernel and side (see `SamePad`).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        *,
        bias: bool = False,
        act: type[nn.Module] | None = nn.ReLU,
        padding: Padding = "torch",
    ) -> None:
        super().__init__()
        shifted = padding != "torch" and stride > 1
        if shifted and padding == "same":
            self.pad: nn.Module = SamePad(kernel)
        elif shifted:
            # SAME needs kernel - stride zeros after an even side; only odd sides reach further ones
            self.pad = nn.ZeroPad2d((0, kernel - 1, 0, kernel - 1))
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, 0 if shifted else kernel // 2, groups=groups, bias=bias)
        self.norm = nn.BatchNorm2d(outputs)
        if act is not None:
            # nothing else needs what the norm gives: these may overwrite it, and give the same numbers in less memory
            self.act = act(inplace=True) if act in (nn.ReLU, nn.ReLU6) else act()


class SqueezeExcite(nn.Module):
    """Squeeze-and-excitation (Hu et al., 2018) with a ReLU and a hard sigmoid as gate, as in GhostNet."""

    def __init__(self, channels: int, reduced: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, reduced, 1)
        self.expand = nn.Conv2d(reduced, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Scales each channel by a gate between 0 and 1, computed from the means of all channels."""
        gate = self.expand(F.relu(self.reduce(x.mean((2, 3), keepdim=True))))  # N,C,1,1
        return x * F.hardsigmoid(gate)


def resize(x: Tensor, like: Tensor) -> Tensor:
    """Bilinear resize to the height and width of `like`; pixels are areas, so corners are not aligned."""
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def pool(x: Tensor, bins: int) -> Tensor:
    """Adaptive average pooling of N,C,H,W to N,C,bins,bins, as matrix products.

    Bin i contains the rows from floor(i H / bins) up to, but not including, ceil((i + 1) H / bins); columns likewise.
    The matrices are computed at run time, because ONNX has no adaptive pooling for sizes unknown at export.
    """
    if bins == 1:
        return x.mean((2, 3), keepdim=True)
    down, across = _bins(x.shape[-2], bins, x), _bins(x.shape[-1], bins, x)
    return down @ x @ across.T  # bins,H @ N,C,H,W @ W,bins


def _bins(size: int, bins: int, like: Tensor) -> Tensor:
    """The weight of each of `size` positions in the mean of each bin: bins,size; rows sum to 1."""
    number, place = torch.arange(bins, device=like.device)[:, None], torch.arange(size, device=like.device)
    # place >= floor(number * size / bins) and place < ceil((number + 1) * size / bins), in whole numbers
    inside = ((place + 1) * bins > number * size) & (place * bins < (number + 1) * size)
    shares = inside.to(like.dtype)
    return shares / shares.sum(1, keepdim=True)


def halve(x: Tensor) -> Tensor:
    """Max pooling of 2x2 pixels, N,C,H,W to N,C,ceil(H/2),ceil(W/2).

    Odd sides are padded by repeating the last row or column. Torch's `ceil_mode` would fix an exported graph to the
    size of its example.
    """
    return F.max_pool2d(F.pad(x, (0, 1, 0, 1), mode="replicate"), 2)


def crop(x: Tensor, like: Tensor) -> Tensor:
    """The first rows and columns of x, as many as `like` has.

    A slice would fix an exported graph to the size of its example, as the exporter cannot know that x is large enough.
    """
    rows, columns = (torch.arange(side, device=x.device) for side in like.shape[-2:])
    return x.index_select(-2, rows).index_select(-1, columns)


def auxiliary(task: str, logits: Iterable[Tensor], like: Tensor) -> dict[str, Tensor]:
    """Names the outputs of auxiliary heads, `TASK/aux`, `TASK/aux2`, ..., and resizes them to `like`."""
    return {f"{task}/aux{number if number > 1 else ''}": resize(x, like) for number, x in enumerate(logits, start=1)}


def warp(x: Tensor, flow: Tensor) -> Tensor:
    """Warps by a flow field: out[n, c, i, j] = x[n, c, i + flow[n, 1, i, j], j + flow[n, 0, i, j]], bilinear.

    Args:
        x: N,C,H,W.
        flow: N,2,H,W in pixels of x, first columns (to the right), then rows (downwards). Beyond the border, the
            nearest border pixel is used.

    All sizes are read from the tensors at run time, so that an exported graph is correct for every size.
    """
    height, width = x.shape[-2:]
    rows = torch.arange(height, device=x.device, dtype=flow.dtype)
    columns = torch.arange(width, device=x.device, dtype=flow.dtype)
    # grid_sample with align_corners=False: the centre of pixel j is at (2 j + 1) / width - 1
    across = (2 * (flow[:, 0] + columns[None, None, :]) + 1) / width - 1  # N,H,W
    down = (2 * (flow[:, 1] + rows[None, :, None]) + 1) / height - 1  # N,H,W
    grid = torch.stack((across, down), dim=-1)  # N,H,W,2
    return F.grid_sample(x, grid.to(x.dtype), mode="bilinear", padding_mode="border", align_corners=False)


def initialise(net: nn.Module) -> None:
    """Initialises in place: convolutions by Kaiming's normal by fan-out, biases 0, batch norms 1 and 0."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            # outputs per input; torch's own count ignores groups and would initialise depthwise kernels near 0
            fan_out = module.weight[:, 0].numel() / module.groups
            nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)


def divisible(channels: float, by: int) -> int:
    """The nearest multiple of `by`, never more than a tenth below `channels`."""
    nearest = max(by, int(channels + by / 2) // by * by)
    return nearest if nearest >= 0.9 * channels else nearest + by
