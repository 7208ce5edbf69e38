"""Takes those channels out of a net that its predictions depend on least for the time they take.

What a channel costs is measured: the times of the layers that have it, shared by their channels (Shen et al., 2022,
"Structural Pruning via Latency-Saliency Knapsack"). Differs from the paper: channels go in several rounds, the cheapest
first, importance and times are measured anew before each, and the importance of a channel is its share of that of all
channels that lie in the same layers: compared across layers it empties the deepest ones.
"""

import copy
import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import nn

from smalti.arrays import Pixels
from smalti.card import Card
from smalti.deploy.onnx import ExportedNet, card_graph, clean
from smalti.deploy.prune.importance import importance
from smalti.deploy.prune.times import Amounts, in_integers, layer_times
from smalti.deploy.shrink.early import with_early_softmax
from smalti.errors import ExportError
from smalti.nets.build import Model
from smalti.nets.channels import Group, find_groups
from smalti.nets.narrow import Sizes, cut, size_of, width_of
from smalti.watch import Say

ROUNDS = 4
MORE = 6
"""Further rounds, where those did not reach the goal."""
STEP = 8
"""Channels that go at once: processors work on as many together, and fewer save nothing. A layer keeps as many."""
KEPT = 0.25
"""The share of its channels that a layer keeps at least."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was reached."""

    sizes: Sizes
    """Of all layers that have become smaller."""
    before: float
    """Milliseconds of one core per tile in 8-bit integers, the sum over all operations; by size thousands of
    parameters."""
    after: float
    """Measured in turns with those before."""


class Measure(Protocol):
    """What is to become less: the time of a net, or its size."""

    words: str
    """What a net is, so many times, where it has become less."""

    def __call__(self, model: Model) -> tuple[Amounts, Amounts]:
        """Of the whole net and of what is left of it, in all and by layer."""
        ...

    def share(self, layer: str) -> float:
        """Which share of a layer's time or size depends on its channels."""
        ...


class ByTime:
    """Measured milliseconds in 8-bit integers."""

    words = "as fast in 8-bit integers"

    def __init__(self, model: Model, tile: Pixels) -> None:
        """`tile` are raw pixels 1,C,H,W."""
        self._card, self._tile = model.card, tile
        self._first = _graph(model, model.card, tile)
        self._shares = _elasticity(model, self._first, tile)

    def __call__(self, model: Model) -> tuple[Amounts, Amounts]:
        """See `Measure`."""
        before, now = layer_times([self._first, _graph(model, self._card, self._tile)], self._card, self._tile)
        return before, now

    def share(self, layer: str) -> float:
        """See `Measure`."""
        return self._shares.get(layer, 1.0)


class BySize:
    """Thousands of parameters, each of which is a byte of a file in 8-bit integers."""

    words = "as small"

    def __init__(self, model: Model) -> None:
        self._first = _parameters(model)

    def __call__(self, model: Model) -> tuple[Amounts, Amounts]:
        """See `Measure`."""
        return self._first, _parameters(model)

    def share(self, layer: str) -> float:
        """See `Measure`."""
        return 1.0


def prune(model: Model, goal: float, tiles: Sequence[Pixels], say: Say, measure: Measure | None = None) -> Pruned:
    """Takes channels out of a model in place until it is that many times as fast in 8-bit integers, or as small.

    Args:
        model: with its trained weights.
        goal: how many times as fast or as small it is to be, above 1.
        tiles: raw pixels 1,C,H,W that it is meant for.
        say: called before each round.
        measure: made of the model; None is that of time.

    Raises ExportError if the goal cannot be reached, ModelError if the net cannot be pruned.
    """
    sizes = Sizes()
    least = {name: _least(size_of(layer)[-1]) for name, layer in model.net.named_modules() if _sized(layer)}
    measure = measure or ByTime(model, tiles[0])
    for number in range(ROUNDS + MORE):
        before, now = measure(model)
        end = before.total / goal
        if now.total <= end:
            return Pruned(sizes, before.total, now.total)
        say(f"round {number + 1}: {before.total / now.total:.2f} times {measure.words}")
        target = now.total * (end / now.total) ** (1 / max(1, ROUNDS - number))
        groups = _groups(model)
        costs = {name: measure.share(name) * each for name, each in now.layers.items()}
        savings = [_saving(model, group, costs) for group in groups]
        kept = [max(least[name] for name, role in group.places if role != "in") for group in groups]
        chosen = _choose(importance(model, groups, tiles), savings, kept, now.total - target)
        if not any(chosen):
            break
        sizes |= cut(model.net, zip(groups, chosen, strict=True))
    raise ExportError(
        f"{model.card.name}: {before.total / now.total:.2f} times {measure.words} with a quarter of its channels, not "
        f"{goal:g} times: the rest of it is spent elsewhere; ask for less"
    )


def _parameters(model: Model) -> Amounts:
    """The thousands of parameters of a net, in all and by convolution."""
    layers = {
        name.removesuffix(".conv"): layer.weight.numel() / 1e3
        for name, layer in model.net.named_modules()
        if isinstance(layer, nn.Conv2d)
    }
    return Amounts(sum(value.numel() for value in model.parameters()) / 1e3, layers)


def _groups(model: Model) -> list[Group]:
    return find_groups(model.net, len(model.card.bands), 2 * model.card.stride)


def _elasticity(model: Model, graph: bytes, tile: Pixels) -> dict[str, float]:
    """By layer, the share of its time that depends on its channels: half of all are taken out of a copy.

    Of a first layer that reads three bands it may be none.
    """
    half = copy.deepcopy(model)
    cut(half.net, [(group, range(0, len(group.units), 2)) for group in _groups(half)])
    whole, less = layer_times([graph, _graph(half, model.card, tile)], model.card, tile)
    shares = {}
    for name, layer in model.net.named_modules():
        key = name.removesuffix(".conv")
        if isinstance(layer, nn.Conv2d) and key in whole.layers and key in less.layers:
            left = _work(half.net.get_submodule(name)) / _work(layer)
            saved = 1 - less.layers[key] / whole.layers[key]
            shares[key] = min(1.0, max(0.0, saved / (1 - left))) if left < 1 else 1.0
    return shares


def _work(layer: nn.Module) -> float:
    """What the multiply-adds of a convolution are proportional to."""
    assert isinstance(layer, nn.Conv2d)
    return layer.in_channels * layer.out_channels / layer.groups


def _sized(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv2d | nn.BatchNorm2d)


def _least(channels: int) -> int:
    """How many of its channels a layer keeps."""
    return max(STEP, round(KEPT * channels))


def _graph(model: Model, card: Card, tile: Pixels) -> bytes:
    content = clean(card_graph(ExportedNet(model, card).eval().float()))
    return in_integers(with_early_softmax(content) or content, card, tile)


def _choose(
    important: Sequence[NDArray[np.float64]], savings: Sequence[float], kept: Sequence[int], saved: float
) -> list[set[int]]:
    """By group the channels to take out, those of least importance for the time they take first.

    Args:
        important: by group, of each channel.
        savings: by group, milliseconds or thousands of parameters per channel.
        kept: by group, how many channels stay at least.
        saved: milliseconds, or thousands of parameters, to save in all.
    """
    chosen: list[set[int]] = [set() for _ in important]
    shares = [each / max(each.sum(), 1e-30) for each in important]
    parts = [_steps(share, least) for share, least in zip(shares, kept, strict=True)]
    waiting: list[tuple[float, int, list[int]]] = []

    def push(at: int) -> None:
        step = next(parts[at], None)
        if step and savings[at] > 0:
            heapq.heappush(waiting, (shares[at][step].sum() / (savings[at] * len(step)), at, step))

    for at in range(len(parts)):
        push(at)
    while waiting and saved > 0:
        _, at, step = heapq.heappop(waiting)
        chosen[at].update(step)
        saved -= savings[at] * len(step)
        push(at)
    return chosen


def _steps(important: NDArray[np.float64], kept: int) -> Iterator[list[int]]:
    """The channels of a group in the order in which they go, as many at once as go together."""
    order = [int(at) for at in np.argsort(important, kind="stable")]
    begin, end = 0, len(order) % STEP or STEP
    while len(order) - end >= kept:
        yield order[begin:end]
        begin, end = end, end + STEP


def _saving(model: Model, group: Group, costs: Mapping[str, float]) -> float:
    """What each channel of a group takes: its share of the costs of its layers."""
    total = 0.0
    for name, role in group.places:
        layer = model.net.get_submodule(name)
        total += costs.get(name.removesuffix(".conv"), 0.0) / width_of(layer, role)
    return total
