import cv2
import numpy as np

from smalti.photos.baselines import evenness, laplacian_variance


def test_sharpness_by_its_definition() -> None:
    photo = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(float)
    inner = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    assert abs(laplacian_variance(photo) / inner.var() - 1) < 0.1
    assert laplacian_variance(cv2.blur(photo, (5, 5)).astype(np.uint8)) < laplacian_variance(photo) / 10


def test_all_tones_alike_are_the_best_exposure() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(1, 256, 3)
    assert evenness(ramp) == 0
    assert evenness(ramp) > evenness((ramp // 2).astype(np.uint8)) > evenness(np.zeros_like(ramp)) > -0.51
