import cv2
import numpy as np
import pytest

from smalti.data.photos import worsen
from smalti.data.photos.worsen import Damage, Framing, framed, worsened
from tests.data.photos.tiny import scene


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def point() -> np.ndarray:
    photo = np.zeros((61, 61, 3), np.uint8)
    photo[30, 30] = 250
    return photo


@pytest.mark.parametrize("radius", [3.0, 4.5])
def test_defocus_turns_a_point_into_a_disc(radius: float) -> None:
    bright = np.full((61, 61, 3), 0, np.uint8)
    bright[20:41, 20:41] = 250
    assert worsen.defocused(bright, radius).mean() == pytest.approx(bright.mean(), rel=0.01)  # no light is lost
    rows = np.flatnonzero(worsen.defocused(point(), radius)[:, :, 0].any(1))
    assert rows.max() - rows.min() == pytest.approx(2 * radius, abs=1)


@pytest.mark.parametrize("angle", [0.0, 0.7, 2.4])
def test_motion_turns_a_point_into_a_line_of_its_length_and_angle(angle: float) -> None:
    line = worsen.moved(point(), 20, angle)[:, :, 0]
    rows, cols = np.nonzero(line)
    assert np.hypot(np.ptp(rows), np.ptp(cols)) == pytest.approx(20, abs=2)
    off = -(cols - 30) * np.sin(angle) + (rows - 30) * np.cos(angle)
    assert np.abs(off).max() < 1.5


def test_exposure_is_measured_in_stops_of_light_and_clips() -> None:
    grey = np.full((4, 4, 3), 120, np.uint8)
    brighter = worsen.exposed(grey, 1)[0, 0, 0]
    assert (brighter / 255) ** 2.2 == pytest.approx(2 * (120 / 255) ** 2.2, rel=0.01)
    assert (worsen.exposed(grey, 5) == 255).all() and worsen.exposed(grey, -9).max() < 8


def test_noise_has_its_deviation_and_compression_its_blocks() -> None:
    grey = np.full((256, 256, 3), 120, np.uint8)
    noisy = worsen.noisy(grey, 10, rng()).astype(float)
    assert noisy.mean() == pytest.approx(120, abs=1) and 9 < noisy.mean(2).std() < 13
    rough = worsen.compressed(scene(), 5)
    edges = np.abs(np.diff(rough.astype(float), axis=1)).mean((0, 2))
    assert edges[7::8].mean() > np.delete(edges, np.s_[7::8]).mean()
    assert not np.array_equal(rough, scene())


def test_lengths_grow_with_the_photo() -> None:
    wide = np.zeros((40, 3000, 3), np.uint8)
    wide[:, 1500] = 250
    soft = worsened(wide, Damage(defocus=5), rng())
    assert np.ptp(np.flatnonzero(soft[20, :, 0])) == pytest.approx(20, abs=2)


def test_nothing_is_done_by_default() -> None:
    np.testing.assert_array_equal(worsened(scene(), Damage(), rng()), scene())
    np.testing.assert_array_equal(framed(scene(), (48, 64), (96, 128), Framing()), scene())


def test_a_view_shifts_turns_and_zooms() -> None:
    photo = scene()
    right = framed(photo, (48, 64), (40, 40), Framing(across=0.25))
    np.testing.assert_array_equal(right, photo[28:68, 54:94])
    turned = framed(photo, (48, 64), (96, 96), Framing(degrees=90))
    # The frame's middle lies on a pixel, so what was its first column comes one row below the border.
    expected = np.roll(np.rot90(photo[:, 16:112]), 1, axis=0)
    np.testing.assert_array_equal(turned[2:-2, 2:-2], expected[2:-2, 2:-2])
    near = framed(photo, (48, 64), (40, 40), Framing(zoom=2))
    again = cv2.resize(near, (20, 20), interpolation=cv2.INTER_AREA).astype(float)
    assert np.corrcoef(again.ravel(), photo[38:58, 54:74].ravel())[0, 1] > 0.95


def test_subject_and_background_have_their_own_focus() -> None:
    photo, mask = scene(), np.zeros((96, 128), np.uint8)
    mask[:, :64] = 255
    soft = worsened(photo, Damage(misfocus=60, depth=0), rng(), mask)
    np.testing.assert_array_equal(soft[:, 64:], photo[:, 64:])
    assert not np.array_equal(soft[:, :64], photo[:, :64])
    np.testing.assert_array_equal(worsened(photo, Damage(depth=60), rng(), mask)[:, :64], photo[:, :64])
    np.testing.assert_array_equal(worsened(photo, Damage(misfocus=60, depth=60), rng()), photo)  # no subject
