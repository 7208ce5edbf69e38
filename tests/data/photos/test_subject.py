import numpy as np

from smalti.data.photos.subject import with_subject
from tests.data.photos.tiny import scene


def test_a_subject_stands_in_the_frame_and_only_there() -> None:
    original, other = scene(0, 200, 300), np.full((50, 80, 3), 250, np.uint8)
    for seed in range(6):
        pasted, mask = with_subject(original, (100, 150), (160, 240), other, np.random.default_rng(seed))
        rows, cols = np.nonzero(mask > 200)
        assert 0 < rows.min() < rows.max() < 199 and 0 < cols.min() < cols.max() < 299
        assert 0.05 < (mask > 127).sum() / (160 * 240) < 0.5
        np.testing.assert_array_equal(pasted[mask == 0], original[mask == 0])
        assert (pasted[mask == 255] == 250).all()


def test_without_another_original_it_is_what_lies_there() -> None:
    original = scene(0, 200, 300)
    pasted, mask = with_subject(original, (100, 150), (160, 240), None, np.random.default_rng(0))
    np.testing.assert_array_equal(pasted, original)
    assert mask.any()
