"""Thresholds of confidence by class are running quantiles within limits."""

import numpy as np
import pytest
import torch

from smalti.training.kinds.pixels.thresholds import BINS, FADING, Thresholds


def filled(share: float, limits: tuple[float, float], *confidences: np.ndarray) -> torch.Tensor:
    found = Thresholds(len(confidences), share, limits)
    classes = np.repeat(np.arange(len(confidences)), [len(c) for c in confidences])
    found.update(torch.from_numpy(classes), torch.from_numpy(np.concatenate(confidences)).float())
    return found.values()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8, 1.0])
def test_a_share_of_each_class_is_above_its_threshold_however_rare_it_is(share: float) -> None:
    rng = np.random.default_rng(0)
    often, rare = rng.uniform(0.6, 1.0, 50000), rng.uniform(0.3, 0.6, 500)
    values = filled(share, (0.0, 1.0), often, rare)
    for value, own in zip(values.tolist(), (often, rare), strict=True):
        assert abs(value - np.quantile(own, 1 - share)) < 1.5 / BINS
        assert share <= (own >= value - 1e-6).mean() < share + 0.05


def test_limits_hold_and_a_class_never_seen_has_the_upper_one() -> None:
    values = filled(0.5, (0.5, 0.9), np.full(9, 0.99), np.full(9, 0.3), np.full(9, 0.7), np.empty(0))
    assert values.tolist() == pytest.approx([0.9, 0.5, 0.7, 0.9], abs=1 / BINS)


def test_former_batches_fade_and_a_restored_state_is_the_same() -> None:
    found = Thresholds(1, 0.5, (0.0, 1.0))
    low, high = (torch.full((100,), value) for value in (0.405, 0.905))
    classes = torch.zeros(100, dtype=torch.int64)
    found.update(classes, low)
    for _ in range(3):
        found.update(classes, high)
    assert found.counts.sum().item() == pytest.approx(100 * (1 + FADING + FADING**2 + FADING**3))
    assert abs(found.values().item() - 0.905) < 1 / BINS
    other = Thresholds(1, 0.5, (0.0, 1.0))
    other.restore(found.state())
    assert torch.equal(other.values(), found.values())
