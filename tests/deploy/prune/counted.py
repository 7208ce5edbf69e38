"""Times of layers that are counted instead of measured."""

import json

import pytest
from torch import nn

from smalti.arrays import Pixels
from smalti.card import Card
from smalti.deploy.prune import search
from smalti.deploy.prune.times import Amounts
from smalti.nets.build import Model

OTHER = 20.0
"""What takes time besides the convolutions."""


def counted_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets pruning take the weights of a layer, in thousands, for its milliseconds."""
    monkeypatch.setattr(search, "_graph", _counted)
    monkeypatch.setattr(search, "layer_times", _read)


def _counted(model: Model, _: Card, __: Pixels) -> bytes:
    """Instead of a graph the work of each layer."""
    layers = {name: layer for name, layer in model.net.named_modules() if isinstance(layer, nn.Conv2d)}
    work = {name.removesuffix(".conv"): layer.weight.numel() / 1e3 for name, layer in layers.items()}
    return json.dumps(work).encode()


def _read(graphs: list[bytes], _: Card, __: Pixels) -> list[Amounts]:
    return [Amounts(OTHER + sum(work.values()), work) for work in map(json.loads, graphs)]
