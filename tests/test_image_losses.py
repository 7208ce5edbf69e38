import pytest
import torch
from torch import Tensor

from smalti.losses.images import class_loss, mix, neighbours


def brute(logits: Tensor, ids: list[int], share: list[float], weights: list[float], smoothing: float) -> float:
    """In float64, one image after the other."""
    logs = logits.double().log_softmax(1)
    total = counted = 0.0
    for n in range(len(ids)):
        for at, part in ((n, share[n]), (n ^ 1, 1 - share[n])):
            c = ids[at]
            if c >= 0:
                classes = len(weights)
                target = [smoothing / classes + (1 - smoothing) * (k == c) for k in range(classes)]
                total -= part * sum(target[k] * weights[k] * float(logs[n, k]) for k in range(classes))
                counted += part * weights[c]
    return total / counted


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_against_brute_force(smoothing: float) -> None:
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    ids, share, weights = [0, 2, -1, 1, -1, -1], [0.3, 0.3, 0.8, 0.8, 0.5, 0.5], [1.0, 2.0, 0.5]
    found = class_loss(logits, torch.tensor(ids), torch.tensor(share), torch.tensor(weights), smoothing)
    assert float(found) == pytest.approx(brute(logits, ids, share, weights, smoothing), rel=1e-5)
    plain = class_loss(logits, torch.tensor(ids), None, None, smoothing)
    assert float(plain) == pytest.approx(brute(logits, ids, [1.0] * 6, [1.0] * 3, smoothing), rel=1e-5)


def test_nothing_known_is_zero_with_a_gradient() -> None:
    logits = torch.randn(2, 3, requires_grad=True)
    class_loss(logits, torch.tensor([-1, -1]), None).backward()
    assert logits.grad is not None and not logits.grad.any()


def test_neighbours_are_mixed() -> None:
    x = torch.arange(4).reshape(4, 1)
    assert neighbours(x)[:, 0].tolist() == [1, 0, 3, 2]
    assert mix(x, torch.tensor([0.75, 0.75, 1.0, 1.0]))[:, 0].tolist() == [0.25, 0.75, 2.0, 3.0]
