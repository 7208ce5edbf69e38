from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from smalti.errors import ModelError
from smalti.nets.backbones import BACKBONES
from smalti.nets.multitask.cross_stitch import CrossStitchUnit
from smalti.nets.multitask.isolation import Isolation
from smalti.nets.multitask.net import MultiTask
from tests.nets.multitask.contract import TASKS, Tiny, reached

NAMES = ("cover", "height", "edges")


def passed(
    rule: str | Sequence[str], gradients: Sequence[Tensor | None], tau: float | None = None
) -> tuple[list[Tensor], list[Tensor], nn.Module]:
    """What a cross-stitch unit of two tasks answers, the gradients that its inputs get, and the unit."""
    unit = CrossStitchUnit(3, 2)
    xs = [torch.randn(2, 3, 4, 5, requires_grad=True) for _ in range(2)]
    outputs = Isolation.parse(NAMES[:2], rule, tau)(unit, xs)
    torch.stack([(y * g).sum() for y, g in zip(outputs, gradients, strict=True) if g is not None]).sum().backward()
    for x, y in zip(xs, unit(xs), strict=True):
        other = xs[1] if x is xs[0] else xs[0]
        torch.testing.assert_close(0.9 * x + 0.1 * other, y)
    torch.testing.assert_close(outputs, unit(xs))
    return outputs, [torch.zeros_like(x) if x.grad is None else x.grad for x in xs], unit


@pytest.fixture
def gradients() -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(2, 3, 4, 5) for _ in range(2)]


def fused(gradients: Sequence[Tensor]) -> list[Tensor]:
    one, other = gradients
    return [0.9 * one + 0.1 * other, 0.1 * one + 0.9 * other]


def test_without_isolation_every_branch_gets_the_gradient_of_the_mix(gradients: list[Tensor]) -> None:
    _, found, _ = passed("none", gradients)
    torch.testing.assert_close(found, fused(gradients))


def test_a_branch_for_itself_gets_the_very_gradient_of_its_output(gradients: list[Tensor]) -> None:
    _, found, unit = passed("own", gradients)
    assert all(torch.equal(a, b) for a, b in zip(found, gradients, strict=True))
    torch.manual_seed(0)
    _ = [torch.randn(2, 3, 4, 5) for _ in range(2)]
    free = passed("none", gradients)[2]
    assert next(unit.parameters()).grad is not None
    torch.testing.assert_close(next(unit.parameters()).grad, next(free.parameters()).grad)


def test_a_listed_branch_is_for_itself_and_still_teaches_the_others(gradients: list[Tensor]) -> None:
    _, found, _ = passed(["height"], gradients)
    assert torch.equal(found[1], gradients[1])
    torch.testing.assert_close(found[0], fused(gradients)[0])


def test_a_gradient_far_from_the_branches_own_gives_way_to_it(gradients: list[Tensor]) -> None:
    # The first task's gradient is a hundred times the second's: a tenth of it is ten times too much for the second.
    unequal = [100 * gradients[0], gradients[1]]
    _, found, _ = passed("ratio", unequal, tau=3.0)
    torch.testing.assert_close(found[0], fused(unequal)[0])
    assert torch.equal(found[1], unequal[1])
    _, found, _ = passed("ratio", unequal, tau=50.0)
    torch.testing.assert_close(found, fused(unequal))


def test_a_gradient_far_below_the_branches_own_gives_way_too(gradients: list[Tensor]) -> None:
    opposed = [gradients[0], -9 * gradients[0]]  # the mix of the first is .9 - .9 = 0
    _, found, _ = passed("ratio", opposed)
    assert torch.equal(found[0], opposed[0])
    torch.testing.assert_close(found[1], fused(opposed)[1])


def test_by_ratio_a_branch_without_a_loss_gets_nothing(gradients: list[Tensor]) -> None:
    _, found, _ = passed("ratio", [gradients[0], None])
    torch.testing.assert_close(found, [0.9 * gradients[0], torch.zeros_like(gradients[1])])


def test_by_ratio_a_second_pass_is_like_the_first(gradients: list[Tensor]) -> None:
    xs = [torch.randn(2, 3, 4, 5, requires_grad=True) for _ in range(2)]
    outputs = Isolation.parse(NAMES[:2], "ratio", None)(CrossStitchUnit(3, 2), xs)
    loss = sum((y * g).sum() for y, g in zip(outputs, gradients, strict=True))
    assert isinstance(loss, Tensor)
    first, second = (torch.autograd.grad(loss, xs, retain_graph=True) for _ in range(2))
    torch.testing.assert_close(first, second)


@pytest.mark.parametrize("sharing", ["cross_stitch", "nddr", "afa"])
@pytest.mark.parametrize(
    ("rule", "own"), [("none", ()), ("own", (0, 1, 2)), (["height"], (1,)), (["age", "cover"], (0, 2))]
)
def test_losses_reach_the_branches_that_the_rule_lets_them(
    sharing: str, rule: Any, own: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BACKBONES, "tiny", Tiny)
    torch.manual_seed(0)
    net = MultiTask(TASKS[:3], encoder="tiny", sharing=sharing, isolation=rule)
    promised = {(task, branch): task == branch or branch not in own for task in range(3) for branch in range(3)}
    assert reached(net) == promised


@pytest.mark.parametrize(
    ("rule", "tau", "message"),
    [
        ("all", None, "isolation 'all' is none of 'none', 'own', 'ratio', or a list of cover, height"),
        (["hight"], None, "isolation 'hight' is none of"),
        ("own", 2.0, "tau 2.0 is for isolation 'ratio'"),
        ("ratio", 0.5, "must be 1 or more"),
    ],
)
def test_an_unknown_rule_is_refused(rule: Any, tau: float | None, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Isolation.parse(NAMES[:2], rule, tau)
