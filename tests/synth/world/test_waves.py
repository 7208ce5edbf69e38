import numpy as np

from smalti.synth.seeds import rng_for
from smalti.synth.world.noise import Noise
from smalti.synth.world.waves import Waves, share


def waves() -> Waves:
    return Waves(rng_for(1, "test"), 20, 300)


def test_a_grid_has_the_values_of_its_points() -> None:
    x, y = np.arange(0, 90, 7.0), np.arange(-40, 60, 9.0)
    points = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    assert np.allclose(waves().grid(x, y).ravel(), waves().at(points), atol=1e-4)


def test_slopes_are_derivatives() -> None:
    x, y = np.arange(0, 50, 11.0), np.arange(0, 40, 13.0)
    dx, dy = waves().slope(x, y)
    assert np.allclose(dx, (waves().grid(x + 0.05, y) - waves().grid(x - 0.05, y)) / 0.1, atol=2e-3)
    assert np.allclose(dy, (waves().grid(x, y + 0.05) - waves().grid(x, y - 0.05)) / 0.1, atol=2e-3)


def test_mean_spread_and_ranks() -> None:
    values = waves().at(rng_for(2, "test").uniform(-9e4, 9e4, (20_000, 2)))
    assert abs(values.mean()) < 0.05 and abs(values.std() - 1) < 0.05
    assert abs(np.quantile(share(values), 0.3) - 0.3) < 0.05


def test_noise_is_the_same_wherever_it_is_cut_and_weaker_below_a_pixel() -> None:
    whole, part = Noise(0, 0, 60, 70, 0.3).of(1.2, 3), Noise(20, 30, 10, 15, 0.3).of(1.2, 3)
    assert np.array_equal(whole[20:30, 30:45], part)
    assert Noise(0, 0, 200, 200, 1.0).of(0.25).std() < 0.3
