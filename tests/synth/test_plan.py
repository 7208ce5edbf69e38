import numpy as np
import pytest

from smalti.synth.layout import block_at, kind_at, street_width
from smalti.synth.plan import densify, resample
from smalti.synth.seeds import rng_for
from smalti.synth.style import style_of
from smalti.synth.warp import warp_of


def test_keys_decide_about_numbers() -> None:
    assert rng_for(1, "a", -3, 4).random() == rng_for(1, "a", -3, 4).random()
    assert rng_for(1, "a", -3, 4).random() != rng_for(1, "a", 4, -3).random()
    assert rng_for(1, "a").random() != rng_for(1, "b").random()


@pytest.mark.parametrize("seed", range(8))
def test_plan_is_bent_but_never_folded(seed: int) -> None:
    warp = warp_of(seed)
    uv = rng_for(seed, "test").uniform(-20_000, 20_000, (4000, 2))
    back = warp.plan(warp.world(uv))
    assert np.abs(back - uv).max() < 0.05
    assert np.linalg.det(warp.axes(uv)).min() > 0.1


def test_axes_are_the_derivative_of_the_world() -> None:
    warp = warp_of(3)
    uv = np.array([[100.0, 200.0], [-3000.0, 5.0]])
    step = (warp.world(uv + np.array([0.01, 0])) - warp.world(uv)) / 0.01
    assert np.allclose(warp.axes(uv)[:, 0], step, atol=1e-3)


def test_every_group_of_blocks_has_water() -> None:
    for i in range(-4, 4, 2):
        kinds = [kind_at(5, i + a, j + b) for j in (-2, 0) for a in (0, 1) for b in (0, 1)]
        assert kinds.count("lake") == 2


def test_neighbours_agree_about_their_street() -> None:
    left, right = block_at(9, 3, 4), block_at(9, 4, 4)
    assert left.u1 == right.u0 and left.widths[2] == right.widths[0] == street_width(9, 0, 4, 4)
    above, below = block_at(9, 3, 4), block_at(9, 3, 5)
    assert above.v1 == below.v0 and above.widths[3] == below.widths[1]


def test_lines_are_cut_into_steps_and_dashes() -> None:
    line = densify(np.array([[0.0, 0.0], [20.0, 0.0]]), closed=False)
    assert len(line) == 4 and line[-1, 0] == 20
    square = densify(np.array([[0.0, 0.0], [14.0, 0.0], [14.0, 14.0], [0.0, 14.0]]))
    assert len(square) == 8
    dashes = resample(line, 3, 2)
    assert np.allclose(dashes[:4, 0], [0, 3, 5, 8])


def test_seeds_differ_in_country_and_sun() -> None:
    styles = [style_of(seed) for seed in range(12)]
    assert {style.aridity > 0.5 for style in styles} == {True, False}
    assert len({style.sun for style in styles}) == 12
