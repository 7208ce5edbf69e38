"""The cost of the spatial gate of adaptive feature aggregation at several map sizes, compared with its published form.

    python benchmarks/afa_gate.py [--channels 24]

Two tasks, one image. The published form is a linear layer from both tasks' flattened maps to one flattened gate:
2 (h w)^2 weights, for one size only. `trained` is the memory of weights, gradients and AdamW's two moments in float32;
`kept` is the memory that one image's forward pass keeps for the backward pass: gate, mix and the maps themselves. Sizes
whose published form has more than LARGEST weights are computed, not allocated, and marked with *.
"""

import argparse
import platform
from datetime import date

import torch
from torch import Tensor, nn

from smalti.nets.multitask.afa import OWN, SpatialGate

SIDES = (19, 64, 128)
LARGEST = 100_000_000
TRAINED = 16  # bytes per weight
MEGABYTE = 1e6
HEADS = ("map", "weights", "trained, MB", "kept, MB", "published: weights", "trained, MB", "kept, MB")


class Flattened(nn.Module):
    """The published form: one gate for both tasks, from the means over channels."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * side * side, side * side, bias=False)

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        """Two maps N,C,side,side to two."""
        one, other = xs
        seen = torch.cat([x.mean(1).flatten(1) for x in xs], dim=1)  # N,2hw
        gate = torch.sigmoid(self.linear(seen)).view(-1, 1, *one.shape[-2:])
        return [gate * one + (1 - gate) * other, (1 - gate) * one + gate * other]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--channels", type=int, default=24, help="of each task's map")
    channels = parser.parse_args().channels
    print(f"{channels} channels: {platform.machine()}, torch {torch.__version__}, {date.today()}\n")
    print("| " + " | ".join(HEADS) + " |\n|" + "---|" * len(HEADS))
    for side in SIDES:
        ours, weights = SpatialGate(channels, 2, OWN), 2 * side**4
        beyond = weights > LARGEST
        # the mix is the same at any size: the kept memory grows with the pixels
        kept = kept_bytes(Flattened(SIDES[0] if beyond else side), SIDES[0] if beyond else side, channels)
        kept *= side**2 / SIDES[0] ** 2 if beyond else 1
        mark = " *" if beyond else ""
        own = sum(p.numel() for p in ours.parameters())
        cells = [f"{side}x{side}", *_cells(own, kept_bytes(ours, side, channels)), *_cells(weights, kept, mark)]
        print("| " + " | ".join(cells) + " |", flush=True)


def _cells(weights: int, kept: float, mark: str = "") -> list[str]:
    return [f"{weights:,}", f"{weights * TRAINED / MEGABYTE:,.2f}{mark}", f"{kept / MEGABYTE:.2f}{mark}"]


def kept_bytes(unit: nn.Module, side: int, channels: int) -> int:
    """The bytes of all tensors, except weights, that autograd keeps for one image."""
    torch.manual_seed(0)
    weights = {p.untyped_storage().data_ptr() for p in unit.parameters()}
    kept: dict[int, tuple[Tensor, int]] = {}

    def keep(x: Tensor) -> Tensor:
        place = x.untyped_storage().data_ptr()
        if place not in weights:
            kept[place] = x, x.untyped_storage().nbytes()
        return x

    xs = [torch.randn(1, channels, side, side, requires_grad=True) for _ in range(2)]
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        outputs = unit(xs)
    torch.stack(outputs).sum().backward()
    return sum(size for _, size in kept.values())


if __name__ == "__main__":
    main()
