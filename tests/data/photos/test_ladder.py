import numpy as np
import pytest

from smalti.data.photos.ladder import LADDERS, Base, damage_of, draw_steps, strengths, truth_of


def test_only_what_is_certain_becomes_a_preference() -> None:
    #                                untouched, a little, more of one, other kind, more of both
    truth = truth_of("x", np.array([[0, 0], [1, 0], [3, 0], [0, 2], [3, 3]]))
    known = {(a, b): chance for a, b, chance in truth.preferences}
    assert set(known) == {(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (1, 4), (2, 4), (3, 4)}
    assert known[0, 1] == pytest.approx(0.9) and known[0, 1] < known[1, 2] < known[0, 2] < known[0, 4] < 1
    assert truth.best == 0 and truth.order == ()


def test_a_chain_is_an_order() -> None:
    assert truth_of("x", np.array([[2], [0], [3], [1]])).order == (1, 3, 0, 2)


def test_drawn_steps_begin_untouched_and_are_all_different() -> None:
    for seed in range(60):
        kinds, steps = draw_steps(list(LADDERS), 5, np.random.default_rng(seed))
        assert len(kinds) == steps.shape[1] and not steps[0].any()
        assert len(np.unique(steps, axis=0)) == len(steps) == 5
        assert not {"dark", "bright"} <= set(kinds)


def test_a_single_kind_has_no_more_photos_than_steps() -> None:
    assert len(draw_steps(["noise"], 9, np.random.default_rng(0))[1]) == 5


@pytest.mark.parametrize("kind", LADDERS)
def test_each_step_is_a_stronger_damage(kind: str) -> None:
    base = Base(defocus=0.5, exposure=0.1, noise=2, quality=90, depth=3)
    amounts = [strengths([kind], np.array([step]), 1.1) for step in range(1, 5)]
    if kind in ("tilt", "cut"):
        strong = [one[kind] for one in amounts]
    else:
        field = {"dark": "exposure", "bright": "exposure", "compression": "quality"}.get(kind, kind)
        sign = -1 if kind in ("dark", "compression") else 1
        strong = [sign * float(getattr(damage_of(one, base), field)) for one in ({}, *amounts)]
    assert strong == sorted(set(strong))
