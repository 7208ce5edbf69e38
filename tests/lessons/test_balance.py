import numpy as np
import pytest

from smalti.lessons.balance import balance

BOTH = np.array([True, True])


def _logits(rare: list[float]) -> np.ndarray:
    """Of cells whose second class has these probabilities."""
    shares = np.array(rare)
    return np.log(np.stack([1 - shares, shares], axis=1))


def test_a_rare_class_that_is_never_most_probable_does_not_vanish() -> None:
    logits = _logits([0.02] * 80 + [0.4] * 20)
    assert logits.argmax(axis=1).sum() == 0
    assert (logits + balance(logits, BOTH)).argmax(axis=1).sum() == 20


def test_classes_that_are_told_apart_are_not_shifted() -> None:
    assert np.abs(balance(_logits([0.001] * 70 + [0.999] * 30), BOTH)).max() == 0


def test_a_class_that_is_not_free_is_not_shifted() -> None:
    random = np.random.default_rng(0)
    found = balance(random.normal((2, 0, 0), size=(300, 3)), np.array([True, True, False]))
    assert found[2] == 0 and found[:2].sum() == pytest.approx(0) and np.abs(found).max() > 0
