import numpy as np

from smalti.data.photos.twin import CUT, SMALLEST, twin
from tests.data.photos.tiny import scene


def test_a_twin_shows_the_same_in_about_as_many_pixels() -> None:
    photo, sizes = scene(0, 200, 300), set()
    for seed in range(24):
        same = twin(photo, np.random.default_rng(seed))
        assert same.dtype == np.uint8 and abs(float(same.mean()) - photo.mean()) < 3
        short, long = sorted(same.shape[:2])
        assert SMALLEST * (200 - 2 * CUT) - 1 <= short <= 200 and SMALLEST * (300 - 2 * CUT) - 1 <= long <= 300
        sizes.add(same.shape)
    assert len(sizes) > 4
