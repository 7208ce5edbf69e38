import json
import math

import numpy as np
import pytest

from smalti.card import Card, Task
from smalti.evaluation.protocol import Stated
from smalti.evaluation.ranking import Judged, by_scores, ranking_evaluation, score_ranking


def judged(preferences: tuple[tuple[int, int, float], ...], scores: list[float], best: int | None = None) -> Judged:
    return Judged("x", preferences, best, by_scores(scores))


def test_every_number_by_hand() -> None:
    series = [
        judged(((0, 1, 0.9), (2, 1, 0.6), (0, 2, 0.5)), [2.0, 0.0, -1.0], best=0),
        judged(((0, 1, 0.2),), [0.0, 0.0], best=1),
    ]
    found = score_ranking(series)
    assert found.series == 2 and found.pairs == 3
    assert found.accuracy == pytest.approx((1 + 0 + 0.5) / 3)
    # Residuals by series: .5 - .5 = 0 and 0.
    assert found.error == pytest.approx(np.hypot(1 + 0 - 1.0, 0.5 - 0.5) / 3, abs=1e-12)
    assert found.top1 == 0.5 and found.top1_series == 2 and found.chance == pytest.approx((1 / 3 + 1 / 2) / 2)
    p = [1 / (1 + math.exp(-2)), 1 / (1 + math.exp(1)), 0.5]
    known = [0.9, 0.6, 0.2]
    loss = [-(k * math.log(q) + (1 - k) * math.log(1 - q)) for k, q in zip(known, p, strict=True)]
    least = [-(k * math.log(k) + (1 - k) * math.log(1 - k)) for k in known]
    assert found.log_loss == pytest.approx(np.mean(loss)) and found.least_log_loss == pytest.approx(np.mean(least))
    # The favourites: .88 said and .9 true; .73 said and .4 true; a tie favours both, .5 said and .5 true.
    assert found.ece == pytest.approx((abs(p[0] - 0.9) + abs(1 - p[1] - 0.4)) / 3)
    assert [one.pairs for one in found.margins] == [0, 1, 0, 1, 1]
    assert [one.true for one in found.margins if one.pairs] == [0.0, 0.5, 1.0]


def test_the_error_counts_series_not_pairs() -> None:
    right, wrong = [3.0, 2.0, 1.0], [1.0, 2.0, 3.0]
    pairs = ((0, 1, 1.0), (0, 2, 1.0), (1, 2, 1.0))
    one_each = score_ranking([judged(pairs[:1], scores) for scores in (right, wrong) for _ in range(3)])
    many_each = score_ranking([judged(pairs, scores) for scores in (right, wrong)])
    assert one_each.accuracy == many_each.accuracy == 0.5
    assert one_each.error == pytest.approx(math.sqrt(0.25 / 6)) and many_each.error == pytest.approx(
        math.sqrt(0.25 / 2)
    )


def test_a_model_that_says_what_is_true_is_calibrated() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 500)
    series = [judged(((0, 1, float(1 / (1 + math.exp(-x)))),), [float(x), 0.0]) for x in logits]
    found = score_ranking(series)
    assert found.ece == pytest.approx(0, abs=1e-9) and found.log_loss == pytest.approx(found.least_log_loss)
    assert found.accuracy == 1 and math.isnan(found.top1)


def test_answers_that_no_scores_could_give_are_counted_too() -> None:
    circle = np.array([[0, 1.0, -1.0], [-1.0, 0, 1.0], [1.0, -1.0, 0]])
    found = score_ranking([Judged("x", ((0, 1, 1.0), (1, 2, 1.0), (2, 0, 1.0)), None, circle)])
    assert found.accuracy == 1


def test_a_model_that_likes_what_stands_first_is_right_half_of_the_time() -> None:
    first = np.array([[0, 2.0, 2.0], [2.0, 0, 2.0], [2.0, 2.0, 0]])
    found = score_ranking([Judged("x", ((0, 1, 0.9), (0, 2, 0.9), (1, 2, 0.9)), 0, first)])
    assert found.pairs == 3 and found.accuracy == 0.5 and [one.pairs for one in found.margins] == [0, 0, 0, 0, 3]
    said = 1 / (1 + math.exp(-2))
    assert found.log_loss == pytest.approx(-(math.log(said) + math.log(1 - said)) / 2)
    assert found.ece == pytest.approx(said - 0.5)


def test_the_pick_is_what_wins_asked_both_ways() -> None:
    logits = np.array([[0, 1.0], [2.0, 0]])  # the first one is chosen before the other, by less than the reverse
    assert score_ranking([Judged("x", ((1, 0, 1.0),), 1, logits + 5 * (1 - np.eye(2)))]).top1 == 1
    uneven = np.array([[0, 1.0, 1.0], [9.0, 0, -3.0], [9.0, 3.0, 0]])
    assert score_ranking([Judged("x", ((2, 1, 1.0),), 2, uneven)]).top1 == 1


def test_nothing_to_count_gives_no_numbers() -> None:
    found = score_ranking([judged(((0, 1, 0.5),), [1.0, 0.0])])
    assert found.pairs == 0 and math.isnan(found.accuracy) and math.isnan(found.ece)


def test_table_and_json_carry_the_protocol() -> None:
    scores = score_ranking([judged(((0, 1, 0.9),), [2.0, 0.0], best=0)])
    card = Card(name="small", net="ranker", tasks=(Task(name="quality", kind="score"),))
    found = ranking_evaluation(
        Stated("data", "all", "last", card), scores, {"plain": scores}, labels="soft", seconds=1.0
    )
    table = str(found)
    for text in ("small", "100.00", "plain", "50.00", "0.9 to 1.0", "split", "chosen by: last"):
        assert text in table
    whole = json.loads(found.to_json())
    assert whole["scores"][0]["name"] == "pair accuracy" and "data: data, 1 series" in whole["scores"][0]["protocol"]
    assert whole["ranking"]["margins"][0]["said"] is None and whole["baselines"]["plain"]["accuracy"] == 1
