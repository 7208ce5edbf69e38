import math
from dataclasses import asdict

import numpy as np
import pytest

from smalti.value_metrics import ValueCounts


def heights(seed, height=31, width=23):
    random = np.random.default_rng(seed)
    truth = random.gamma(1.5, 3, (height, width)).astype(np.float32)
    answer = (truth * random.lognormal(0, 0.4, truth.shape) + random.normal(0, 0.5, truth.shape)).astype(np.float32)
    truth[random.random(truth.shape) < 0.2] = 0
    truth[random.random(truth.shape) < 0.1] = np.nan
    answer[random.random(truth.shape) < 0.05] = np.nan
    assert (answer[truth > 0] <= 0).any()  # those that count as wrong are there
    return truth, answer


def by_hand(truth, answer, above):
    """Pixel by pixel in Python's floats."""
    known = [(float(t), float(a)) for t, a in zip(truth.flat, answer.flat, strict=True) if t == t and a == a]
    near = [(t, a) for t, a in known if t >= above and t > 0]

    def mean(values):
        return math.fsum(values) / len(values)

    logs = [math.log(max(a, 1e-3)) - math.log(t) for t, a in near]
    found = {
        "abs": mean([abs(a - t) for t, a in known]),
        "rel": mean([abs(a - t) / t for t, a in near]),
        "sq_rel": mean([(a - t) ** 2 / t for t, a in near]),
        "log10": mean([abs(log) / math.log(10) for log in logs]),
        "rmse": math.sqrt(mean([(a - t) ** 2 for t, a in known])),
        "rmse_log": math.sqrt(mean([log**2 for log in logs])),
        "pixels": len(known),
        "above": above,
        "pixels_above": len(near),
    }
    for k in (1, 2, 3):
        found[f"delta{k}"] = mean([a > 0 and max(a / t, t / a) < 1.25**k for t, a in near])
    return found


@pytest.mark.parametrize("above", [0.0, 1.0, 2.5])
def test_scores_equal_a_loop_over_all_pixels_of_all_images(above):
    counts = ValueCounts(above)
    for seed in (1, 2, 3):
        counts.add(*heights(seed))
    truths, answers = zip(*(heights(seed) for seed in (1, 2, 3)), strict=True)
    assert asdict(counts.scores()) == pytest.approx(by_hand(np.stack(truths), np.stack(answers), above), rel=1e-12)


def test_scores_are_pooled_over_pixels_and_no_means_of_images():
    counts = ValueCounts()
    counts.add(np.full((1, 1), 3, np.float32), np.full((1, 1), 6, np.float32))
    counts.add(np.full((1, 8), 3, np.float32), np.full((1, 8), 3, np.float32))
    scores = counts.scores()
    assert (scores.rmse, scores.abs, scores.delta1) == pytest.approx((1, 1 / 3, 8 / 9))  # means of both images: 1.5


def test_counts_of_parts_add_up_to_those_of_the_whole(monkeypatch):
    truth, answer = heights(4)
    whole, one, other = ValueCounts(1), ValueCounts(1), ValueCounts(1)
    whole.add(truth, answer)
    monkeypatch.setattr("smalti.value_metrics.CHUNK", 37)
    one.add(truth[:9], answer[:9])
    other.add(truth[9:], answer[9:])
    one.merge(other)
    assert one.counts == pytest.approx(whole.counts, rel=1e-12)
    with pytest.raises(ValueError, match="cannot be added"):
        one.merge(ValueCounts(2))


def test_an_answer_of_zero_or_less_is_wrong_and_not_infinitely_so():
    counts = ValueCounts()
    counts.add(np.full((1, 2), 5, np.float32), np.array([[0, -5]], np.float32))
    scores = counts.scores()
    assert (scores.delta1, scores.delta2, scores.delta3) == (0, 0, 0)
    assert scores.log10 == pytest.approx(math.log10(5 / 1e-3))


def test_what_is_off_by_the_very_factor_is_not_near_it():
    for k in (1, 2, 3):
        counts = ValueCounts()
        counts.add(
            np.full((1, 3), 64, np.float32), np.float32(64) * np.array([[1.25**k, 1.2499**k, 0.79**k]], np.float32)
        )
        assert getattr(counts.scores(), f"delta{k}") == pytest.approx(1 / 3)


def test_a_truth_at_the_threshold_counts_and_one_of_zero_never():
    counts = ValueCounts(above=2)
    counts.add(np.array([[2, 1.99]], np.float32), np.array([[2, 2]], np.float32))
    assert (counts.scores().above, counts.scores().pixels_above) == (2, 1)
    counts = ValueCounts()
    counts.add(np.array([[0, -1, 1e-6]], np.float32), np.array([[1, 1, 1]], np.float32))
    assert (counts.scores().above, counts.scores().pixels_above) == (0, 1)


def test_an_exact_answer_has_no_error_and_what_is_unknown_is_only_counted():
    truth = np.array([[0, 3, np.nan]], np.float32)
    counts = ValueCounts(above=2)
    counts.add(truth, np.array([[0, 3, 9]], np.float32))
    scores = counts.scores()
    assert (scores.abs, scores.rmse, scores.rel, scores.rmse_log, scores.delta1) == (0, 0, 0, 0, 1)
    assert (scores.pixels, scores.pixels_above, counts.counts[-1]) == (2, 1, 1)


def test_without_a_pixel_nothing_is_defined():
    scores = ValueCounts().scores()
    assert scores.pixels == 0 and math.isnan(scores.rmse) and math.isnan(scores.delta1)
    counts = ValueCounts(above=10)
    counts.add(np.ones((2, 2), np.float32), np.ones((2, 2), np.float32))
    assert counts.scores().rmse == 0 and math.isnan(counts.scores().rel)


def test_maps_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match="truth is"):
        ValueCounts().add(np.zeros((2, 3), np.float32), np.zeros((3, 2), np.float32))
