"""What every sharing scheme must keep; a scheme's own test subclasses it and says which scheme."""

from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from smalti.card import Card, Task
from smalti.nets.backbones import BACKBONES
from smalti.nets.backbones.backbone import Backbone
from smalti.nets.build import build
from smalti.nets.layers import ConvNorm
from smalti.nets.multitask.net import MultiTask
from smalti.training.optim import make_optimizer
from smalti.training.settings import OptimSettings

TASKS = (
    Task(name="cover", labels=tuple("abc")),
    Task(name="height", kind="value", unit="m", minimum=0.0),
    Task(name="age", kind="image_classes", labels=tuple("abcd")),
    Task(name="warmth", kind="image_value"),
)
SIZES = ((64, 64), (33, 47), (1, 1), (5, 70))
COUNTS = (1, 2, 3, 4)


class Tiny(Backbone):
    """Four stages of one convolution each; the last one, linear, as light encoders have it."""

    CHANNELS: ClassVar = (4, 6, 8, 10)

    def __init__(self, bands: int, width: float) -> None:
        channels = self.CHANNELS
        rows = zip((bands, *channels), channels, (4, 2, 2, 2), (nn.ReLU, None, nn.ReLU, None), strict=False)
        stages = [nn.Sequential(ConvNorm(a, b, 3, stride, act=act)) for a, b, stride, act in rows]
        super().__init__(stages, channels)


class SharingContract:
    """`sharing` is the scheme; `options` are further ones of the net; `mixes`: whether losses reach other branches."""

    sharing: str
    options: ClassVar[dict[str, Any]] = {}
    branched = True
    mixes = True

    @pytest.fixture(autouse=True)
    def _tiny(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(BACKBONES, "tiny", Tiny)
        torch.manual_seed(0)

    def make(self, count: int = 2, **options: Any) -> MultiTask:
        return MultiTask(TASKS[:count], encoder="tiny", sharing=self.sharing, **self.options | options)

    def stirred(self, count: int = 2, **options: Any) -> MultiTask:
        """A net whose scheme has left its start, where some gradients are zero; norms have seen an image."""
        net = self.make(count, **options)
        with torch.no_grad():
            for parameter in net.sharing.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
            for module in net.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.momentum = 1.0
            net.train()(torch.randn(2, 3, 64, 96))
        return net

    @pytest.mark.parametrize("count", COUNTS)
    @pytest.mark.parametrize("size", SIZES)
    def test_answers_come_as_the_tasks_say(self, count: int, size: tuple[int, int]) -> None:
        with torch.no_grad():
            answer = self.make(count).eval()(torch.rand(2, 3, *size))
        shapes = {"cover": (2, 3, *size), "height": (2, 1, *size), "age": (2, 4), "warmth": (2, 1)}
        assert {name: tuple(x.shape) for name, x in answer.items()} == dict(list(shapes.items())[:count])
        assert all(x.isfinite().all() for x in answer.values())

    @pytest.mark.parametrize("count", COUNTS)
    def test_every_parameter_learns_and_has_one_role_and_one_group(self, count: int) -> None:
        net = self.stirred(count)
        answer = net.train()(torch.randn(2, 3, 64, 64))
        torch.stack([(x * torch.randn_like(x)).sum() for x in answer.values()]).sum().backward()
        for name, parameter in net.named_parameters():
            assert parameter.grad is not None and parameter.grad.isfinite().all(), name
            assert parameter.ndim == 1 or parameter.grad.abs().max() > 0, name
        everything = sorted(map(id, net.parameters()))
        assert sorted(id(p) for role in net.roles().values() for p in role) == everything
        model = build(self.card(count))
        optimizer = make_optimizer(model, OptimSettings(lr=1.0, encoder_factor=0.5, sharing_factor=7.0))
        rates = {id(p): group["peak"] for group in optimizer.param_groups for p in group["params"]}
        assert isinstance(model.net, MultiTask)
        roles = model.net.roles()
        assert {
            i: rate for role, rate in (("backbone", 0.5), ("sharing", 7.0), ("head", 1.0)) for i in map(id, roles[role])
        } == rates

    def card(self, count: int) -> Card:
        options = {"encoder": "tiny", "sharing": self.sharing, **self.options}
        return Card(name="m", net="multitask", options=options, tasks=TASKS[:count])

    @pytest.mark.parametrize("count", (2, 4))
    def test_an_image_alone_gets_the_answer_it_gets_in_a_batch(self, count: int) -> None:
        net = self.stirred(count).eval()
        images = torch.randn(3, 3, 45, 70)
        with torch.no_grad():
            together = net(images)
            alone = [net(image[None]) for image in images]
        for name, x in together.items():
            torch.testing.assert_close(
                torch.cat([y[name] for y in alone]), x, rtol=1e-4, atol=1e-4 * float(x.abs().max())
            )

    def test_the_seed_decides_the_weights(self) -> None:
        nets = []
        for _ in range(2):
            torch.manual_seed(5)
            nets.append(self.make(3))
        assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True))

    @pytest.mark.parametrize("count", (1, 2, 4))
    def test_losses_reach_the_branches_that_the_scheme_promises(self, count: int) -> None:
        promised = {(i, j): i == j or self.mixes for i in range(count) for j in range(count)}
        assert (
            reached(self.stirred(count)) == promised
            if self.branched
            else set(reached(self.stirred(count)).values()) == {True}
        )

    @pytest.mark.parametrize("count", (1, 2, 3))
    def test_what_is_shared_is_what_several_losses_reach(self, count: int) -> None:
        net = self.stirred(count)
        counts = {name: 0 for name, _ in net.named_parameters()}
        for gradients in by_task(net):
            for name, gradient in gradients.items():
                counts[name] += gradient is not None
        before = {name: value.clone() for name, value in net.state_dict().items()}
        shared = set(map(id, net.shared_parameters()))
        assert {name for name, p in net.named_parameters() if id(p) in shared} == {
            n for n, c in counts.items() if c > 1
        }
        assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())

    def test_branches_are_apart(self) -> None:
        net = self.make(3)
        assert len(net.encoder) == (3 if self.branched else 1)
        parts = [*net.encoder, *net.heads, net.sharing]
        modules = [id(module) for part in parts for module in part.modules()]
        tensors = [x.data_ptr() for x in net.state_dict().values()]
        assert len(set(modules)) == len(modules) and len(set(tensors)) == len(tensors)

    @pytest.mark.parametrize("count", (2, 4))
    def test_branches_start_nearly_alone(self, count: int) -> None:
        net, images = self.make(count).eval(), torch.randn(2, 3, 64, 64)
        with torch.no_grad():
            branches = net.sharing(net._encoders(), images)
            alone = [encoder(images) for encoder in net._encoders()]
        for number, maps in enumerate(branches):
            for x, own in zip(maps, alone[number if self.branched else 0], strict=True):
                assert float((x - own).norm() / own.norm()) < 0.5
                assert torch.corrcoef(torch.stack((x.flatten(), own.flatten())))[0, 1] > 0.9


def by_task(net: MultiTask) -> list[dict[str, Tensor | None]]:
    """The gradients of each task's loss alone."""
    images = torch.randn(2, 3, 64, 64)
    found = []
    for name in [task.name for task in net.tasks]:
        net.zero_grad()
        answer = net.train()(images)[name]
        (answer * torch.randn_like(answer)).sum().backward()
        found.append({name: None if p.grad is None else p.grad.clone() for name, p in net.named_parameters()})
    return found


def reached(net: MultiTask) -> dict[tuple[int, int], bool]:
    """(task, branch): whether the task's loss changes anything in the branch's first stage."""
    table = {}
    for task, gradients in enumerate(by_task(net)):
        for branch in range(len(net.encoder)):
            first = gradients[f"encoder.{branch}.stages.0.0.conv.weight"]
            table[task, branch] = first is not None and bool(first.abs().max() > 0)
    return table
