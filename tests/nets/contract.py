"""What every net that classifies pixels must keep; a net's own test subclasses it and says which net."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from smalti.card import Card, Task
from smalti.nets.build import Model
from smalti.training.optim import make_optimizer
from smalti.training.settings import OptimSettings

SIZES = ((64, 64), (96, 32), (33, 47), (1, 1), (5, 70))


class NetContract:
    """`make` builds the net for 4 classes, 3 bands and the task `cover`."""

    make: Callable[..., nn.Module]

    @pytest.fixture
    def net(self) -> nn.Module:
        torch.manual_seed(0)
        return self.make(classes=4, task="cover")

    @pytest.mark.parametrize("size", SIZES)
    def test_logits_come_at_the_size_of_the_image(self, net: nn.Module, size: tuple[int, int]) -> None:
        with torch.no_grad():
            answer = net.eval()(torch.rand(2, 3, *size))
        assert {name: tuple(x.shape) for name, x in answer.items()} == {"cover": (2, 4, *size)}
        assert answer["cover"].isfinite().all()

    def test_every_parameter_learns(self, net: nn.Module) -> None:
        answer = net.train()(torch.randn(2, 3, 64, 64))
        torch.stack([(x * torch.randn_like(x)).sum() for x in answer.values()]).sum().backward()
        for name, parameter in net.named_parameters():
            assert parameter.grad is not None and parameter.grad.isfinite().all(), name
            assert parameter.ndim == 1 or parameter.grad.abs().max() > 0, name

    def test_every_parameter_is_in_one_group_of_the_optimizer(self, net: nn.Module) -> None:
        card = Card(name="m", net="n", tasks=(Task(name="cover", labels=tuple("abcd")),))
        groups = make_optimizer(Model(card, net), OptimSettings(layer_decay=0.9)).param_groups
        assert sorted(id(p) for group in groups for p in group["params"]) == sorted(map(id, net.parameters()))

    def test_heads_of_training_are_logits_of_their_task(self, net: nn.Module) -> None:
        for name, x in net.train()(torch.randn(2, 3, 64, 64)).items():
            channels = 1 if name.endswith("/edge") else 4
            assert name.split("/")[0] == "cover" and x.shape == (2, channels, 64, 64)

    def test_the_seed_decides_the_weights(self, net: nn.Module) -> None:
        torch.manual_seed(0)
        twin = self.make(classes=4, task="cover")
        assert all(torch.equal(a, b) for a, b in zip(net.parameters(), twin.parameters(), strict=True))

    def test_an_image_alone_gets_the_answer_it_gets_in_a_batch(self, net: nn.Module) -> None:
        images = torch.randn(3, 3, 64, 96)
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0  # one step in training gives the statistics that keep numbers small
        with torch.no_grad():
            net.train()(images)
            together = net.eval()(images)["cover"]
            alone = torch.cat([net(image[None])["cover"] for image in images])
        torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-4 * float(together.abs().max()))

    def test_any_number_of_bands(self) -> None:
        with torch.no_grad():
            assert self.make(classes=2, bands=5, task="t").eval()(torch.rand(1, 5, 32, 32))["t"].shape == (1, 2, 32, 32)
