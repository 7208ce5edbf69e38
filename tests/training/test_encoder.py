from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from smalti.card import Card, Task
from smalti.errors import RecipeError
from smalti.nets.build import Model, build
from smalti.training.encoder import Freezing, recompute_stages
from smalti.training.recipe import read_recipe
from tests.training.tiny import write_tiny


def make(tmp_path: Path) -> Model:
    torch.manual_seed(3)
    return build(read_recipe(write_tiny(tmp_path)).make_card(""))


def learn(model: Model, freezing: Freezing, step: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """One pass forth and back; the gradients, and all weights and statistics."""
    model.zero_grad()
    model.train()
    freezing.set_mode(step)
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(step)) * 50 + 120
    model(x)["classes"].square().mean().backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return gradients, {name: value.clone() for name, value in model.state_dict().items()}


def in_encoder(names: object) -> set[str]:
    return {name for name in names if name.startswith("net.encoder.")}  # type: ignore[attr-defined]


def test_a_frozen_encoder_keeps_weights_and_statistics_until_it_thaws(tmp_path: Path) -> None:
    model = make(tmp_path)
    freezing = Freezing(model, 2)
    start = {name: value.clone() for name, value in model.state_dict().items()}
    for step in (0, 1):
        gradients, now = learn(model, freezing, step)
        assert gradients and not in_encoder(gradients)
        assert all(torch.equal(now[name], start[name]) for name in in_encoder(start))
    gradients, now = learn(model, freezing, 2)
    assert in_encoder(gradients) == in_encoder(dict(model.named_parameters()))
    assert not all(torch.equal(now[name], start[name]) for name in in_encoder(start))


def test_always_is_always(tmp_path: Path) -> None:
    model = make(tmp_path)
    gradients, _ = learn(model, Freezing(model, "always"), 10**9)
    assert gradients and not in_encoder(gradients)


def test_recomputed_stages_give_the_same_gradients_and_statistics(tmp_path: Path) -> None:
    plain, lean = make(tmp_path), make(tmp_path)
    recompute_stages(lean)
    calls = []
    lean.net.encoder.stages[1].register_forward_hook(lambda *_: calls.append(1))
    first = lean.net.encoder.stages[1][0]
    first.register_forward_hook(lambda *_: calls.append(2))
    for one, other in zip(learn(plain, Freezing(plain, 0), 0), learn(lean, Freezing(lean, 0), 0), strict=True):
        assert one.keys() == other.keys()
        for name in one:
            torch.testing.assert_close(one[name], other[name], rtol=1e-5, atol=1e-7)
    assert calls.count(2) == 2 and calls.count(1) == 1  # its inside ran once more on the way back


def test_every_tasks_encoder_is_frozen_and_recomputed() -> None:
    tasks = tuple(Task(name=name, labels=("a", "b")) for name in ("classes", "more"))
    options = {"encoder": "mobilenetv3_small", "width": 0.125, "sharing": "cross_stitch"}
    lean = build(Card(name="m", net="multitask", options=options, tasks=tasks))
    recompute_stages(lean)
    calls = []
    for encoder in lean.net.encoder:
        encoder.stages[1][0].register_forward_hook(lambda *_: calls.append(1))
    gradients, _ = learn(lean, Freezing(lean, 1), 1)
    assert len(calls) == 4
    assert {name.split(".")[2] for name in in_encoder(gradients)} == {"0", "1"}
    gradients, _ = learn(lean, Freezing(lean, 1), 0)
    assert gradients and not in_encoder(gradients)
    shared = lean.net.shared_parameters()
    assert not {id(p) for p in lean.net.encoder.parameters()} & set(map(id, shared)) and shared  # frozen as they are


def test_a_model_without_an_encoder_is_told() -> None:
    model = nn.Linear(1, 1)
    with pytest.raises(RecipeError, match=r"optim\.freeze_encoder needs a net with an encoder"):
        Freezing(model, 3)
    with pytest.raises(RecipeError, match=r"train\.recompute needs a net with an encoder"):
        recompute_stages(model)
    assert Freezing(model, 0).set_mode(0) is None
