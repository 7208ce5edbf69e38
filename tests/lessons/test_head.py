import numpy as np
import pytest

from smalti.lessons.head import Points, curvature, find_basis, fit, probabilities, refit


def _points(random: np.random.Generator) -> Points:
    inputs = random.normal(size=(60, 4))
    labels = (inputs[:, 0] + 0.3 * random.normal(size=60) > 0).astype(int)
    return Points(inputs, np.zeros((60, 2)), np.eye(2)[labels], np.ones(60))


def test_the_weights_are_those_of_the_minimum() -> None:
    points = _points(np.random.default_rng(0))
    weights = fit(points, 0.5)
    slope = points.inputs.T @ (probabilities(points.inputs @ weights) - points.targets) + 0.5 * weights
    assert np.abs(slope).max() < 0.05


def test_a_fold_is_fitted_from_the_whole() -> None:
    points = _points(np.random.default_rng(5))
    start = fit(points, 0.5)
    some = points.chosen(np.arange(60) % 5 > 0)
    found = refit(some, 0.5, start, np.linalg.inv(curvature(points, start, 0.5)))
    np.testing.assert_allclose(found, fit(some, 0.5), atol=0.02)


def test_a_strong_prior_keeps_the_parent() -> None:
    points = _points(np.random.default_rng(1))
    sizes = [np.abs(fit(points, penalty)).sum() for penalty in (0.1, 10, 1e6)]
    assert sizes[0] > sizes[1] > sizes[2] and sizes[2] < 1e-3


def test_far_logits_do_not_overflow() -> None:
    points = _points(np.random.default_rng(2))
    far = Points(points.inputs, np.tile([500.0, -500.0], (60, 1)), points.targets, points.weights)
    assert np.isfinite(fit(far, 0.1)).all()


def test_weights_are_unfolded_to_plain_features() -> None:
    random = np.random.default_rng(3)
    features, logits = random.normal(3, 2, (200, 10)).astype("f4"), random.normal(size=(200, 3)).astype("f4")
    features[:, 4] = 7  # constant
    basis = find_basis(features, logits, 3)
    inputs = basis(features, logits)
    weights = random.normal(size=(inputs.shape[1], 2))
    plain, constant = basis.unfolded(weights)
    both = np.concatenate([features, logits], axis=1)
    np.testing.assert_allclose(both @ plain + constant, inputs @ weights, atol=1e-6)


def test_the_components_have_a_common_scale() -> None:
    random = np.random.default_rng(4)
    features = (random.normal(size=(500, 30)) * np.geomspace(1, 1000, 30)).astype("f4")
    inputs = find_basis(features, np.zeros((500, 2), "f4"), 6)(features, np.zeros((500, 2), "f4"))
    assert (inputs[:, :24] ** 2).sum(axis=1).mean() == pytest.approx(1, rel=0.05)
    assert (inputs[:, 24:30] ** 2).sum(axis=1).mean() == pytest.approx(0.7**2, rel=0.05)
