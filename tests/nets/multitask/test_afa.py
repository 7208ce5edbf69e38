import pytest
import torch

from smalti.nets.backbones import BACKBONES
from smalti.nets.multitask.afa import OWN, ChannelGate, SpatialGate
from smalti.nets.multitask.net import MultiTask
from tests.nets.multitask.contract import TASKS, Tiny


def test_the_spatial_gate_has_its_stated_size_at_any_number_of_channels() -> None:
    for channels in (8, 320):
        assert sum(p.numel() for p in SpatialGate(channels, 2, OWN).parameters()) == 2268


@pytest.mark.parametrize("tasks", [2, 4])
def test_a_channel_gate_is_its_formula(tasks: int) -> None:
    torch.manual_seed(0)
    gate, xs = ChannelGate(5, tasks, OWN), [torch.randn(2, 5, 3, 4) for _ in range(tasks)]
    torch.nn.init.normal_(gate.last.weight)
    z = torch.cat([x.mean((2, 3)) for x in xs], dim=1)
    logits = torch.relu(z @ gate.first.weight.T + gate.first.bias) @ gate.last.weight.T + gate.last.bias
    a = torch.softmax(logits.view(2, tasks, tasks, 5), dim=2)
    expected = torch.einsum("nijc,njchw->inchw", a, torch.stack(xs, dim=1))
    torch.testing.assert_close(torch.stack(gate(xs)), expected)


@pytest.mark.parametrize("gate", ["channel", "spatial", "both"])
@pytest.mark.parametrize("tasks", [2, 4])
def test_gates_start_for_the_own_map_whatever_is_seen(gate: str, tasks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKBONES, "tiny", Tiny)
    net = MultiTask(TASKS[:tasks], encoder="tiny", sharing="afa", gate=gate, stages=[0, 2])
    maps = net.gates(torch.randn(2, 3, 45, 64))
    count = 2 if gate == "both" else 1
    assert [stage for stage, _ in maps] == [0] * count + [2] * count
    for stage, a in maps:
        by_channel = gate == "channel" or (gate == "both" and a.ndim == 4)
        side = {0: (12, 16), 2: (3, 4)}[stage]
        assert a.shape == (2, tasks, tasks, *((net._encoders()[0].channels[stage],) if by_channel else side))
        torch.testing.assert_close(a.sum(2), torch.ones_like(a.sum(2)))
        own = a.diagonal(dim1=1, dim2=2)
        torch.testing.assert_close(own, torch.full_like(own, OWN ** (1 / count)))


def test_gates_of_other_schemes_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKBONES, "tiny", Tiny)
    assert MultiTask(TASKS[:2], encoder="tiny", sharing="nddr").gates(torch.randn(1, 3, 32, 32)) == []


def test_each_task_has_its_own_row() -> None:
    """What two tasks get together is not bound to what they give together."""
    torch.manual_seed(0)
    gate = SpatialGate(4, 2, OWN)
    torch.nn.init.normal_(gate.last.weight)
    xs = [torch.randn(1, 4, 6, 7) for _ in range(2)]
    a = gate.maps(xs)
    assert not torch.allclose(a[:, 0, 1], a[:, 1, 0], atol=1e-3)
    assert not torch.allclose(sum(gate(xs)), sum(xs), atol=0.01)  # type: ignore[arg-type]
