"""Channels that are taken out of nets: which, and that nothing else changes."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from smalti.card import Card, Task
from smalti.errors import ModelError
from smalti.nets.build import build
from smalti.nets.channels import Group, find_groups
from smalti.nets.narrow import cut, narrow, size_of

SIDE = 64
NETS = [
    ("ued", {"encoder": "mobilenetv2"}),
    ("fpn", {}),
    ("lraspp", {}),
    ("unet", {}),
    ("ued_bes_sfm", {}),
    ("bisenetv2", {}),
]


def card(net: str, **options: object) -> Card:
    tasks = (Task(name="cover", labels=("a", "b", "c")),)
    return Card(name="tiny", net=net, options=options, tasks=tasks)


def made(net: str, **options: object) -> nn.Module:
    model = build(card(net, **options), seed=0).net.eval()
    for module in model.modules():  # none of them 0 or 1, as new ones are
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    return model


def image() -> Tensor:
    return torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def silence(net: nn.Module, group: Group, units: set[int]) -> None:
    """Makes channels 0 wherever they lie."""
    for at, (name, role) in enumerate(group.places):
        layer = net.get_submodule(name)
        if role != "in":
            index = [number for unit in units for number in group.units[unit][at]]
            for value in layer.parameters():
                value.data[index] = 0


@pytest.mark.parametrize(("net", "options"), NETS, ids=[name for name, _ in NETS])
def test_a_net_without_its_silent_channels_predicts_the_same(net: str, options: dict[str, object]) -> None:
    model = made(net, **options)
    groups = find_groups(model, 3, SIDE)
    random = np.random.default_rng(0)
    chosen = [(group, set(random.permutation(len(group.units))[: len(group.units) // 2].tolist())) for group in groups]
    assert sum(len(units) for _, units in chosen) > 20
    for group, units in chosen:
        silence(model, group, units)
    with torch.no_grad():
        expected = model(image())["cover"]
        sizes = cut(model, chosen)
        found = model(image())["cover"]
    assert torch.allclose(found, expected, atol=5e-3 * float(expected.abs().max()))  # some choose points by rounding
    for group, units in chosen:
        for name, role in group.places:
            if role == "out" and units:
                assert sizes[name] == size_of(model.get_submodule(name))


def test_bands_and_classes_stay() -> None:
    model = made("fpn")
    places = {place for group in find_groups(model, 3, SIDE) for place in group.places}
    first = next(name for name, module in model.named_modules() if isinstance(module, nn.Conv2d))
    assert (first, "in") not in places and (first, "out") in places
    assert ("head.1", "in") in places and ("head.1", "out") not in places


def test_channels_that_are_added_go_together() -> None:
    model = made("fpn")
    together = [group for group in find_groups(model, 3, SIDE) if ("laterals.2.conv", "out") in group.places]
    assert [("levels.2.conv", "out") in group.places for group in together] == [True]


def test_an_encoder_declares_what_is_left() -> None:
    model = made("ued", encoder="mobilenetv2")
    whole = copy.deepcopy(model)
    groups = find_groups(model, 3, SIDE)
    sizes = cut(model, [(group, range(0, len(group.units), 2)) for group in groups])
    narrow(whole, sizes, 3)
    assert whole.encoder.channels == tuple(level.shape[1] for level in model.encoder(image()))  # type: ignore[operator, union-attr]
    whole.load_state_dict(model.state_dict())
    assert torch.equal(whole.eval()(image())["cover"], model(image())["cover"])


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"encoder.nothing": (3, 8)}, "it has no layer encoder.nothing"),
        ({"encoder": (3, 8)}, "its layer encoder is a ResNetSlim, which has no size"),
        ({"head.1": (8,)}, "its layer head.1 is a Conv2d, which has no size"),
    ],
)
def test_a_card_of_another_net_is_refused(sizes: dict[str, tuple[int, ...]], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build(card("fpn").model_copy(update={"narrowed": sizes}))
