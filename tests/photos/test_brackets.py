"""Exposure brackets and focus stacks."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from smalti.photos.blocks import measure
from smalti.photos.brackets import exposure_sets, kind_of
from smalti.photos.photo import Exposure, Look, Photo
from tests.photos.shots import blurred, look, photo, scene


def taken(*exposures: Exposure, every: float = 0.5) -> list[Photo]:
    return [replace(photo(f"{k}", every * k), exposure=exposure) for k, exposure in enumerate(exposures)]


def auto(*biases: float, **more: float) -> list[Exposure]:
    return [Exposure(mode=2, bias=bias, **more) for bias in biases]


def test_what_the_camera_calls_a_bracket_is_one() -> None:
    photos = taken(*auto(0, -2, 2), Exposure(mode=0, bias=0))
    assert exposure_sets(photos) == [[0, 1, 2]]
    assert kind_of(photos[:3], [look(0)] * 3) == "exposure bracket"
    assert kind_of(photos, [look(0)] * 4) == "series"


def test_two_brackets_one_after_the_other_are_two() -> None:
    assert exposure_sets(taken(*auto(0, -2, 2), *auto(0, -2, 2))) == [[0, 1, 2], [3, 4, 5]]


def test_a_bracket_by_the_shutter_alone_has_one_bias() -> None:
    photos = taken(*(Exposure(mode=2, bias=0, seconds=s) for s in (1 / 100, 1 / 25, 1 / 400, 1 / 100, 1 / 25, 1 / 400)))
    assert exposure_sets(photos) == [[0, 1, 2], [3, 4, 5]]


def test_three_biases_at_once_are_a_bracket_without_a_word_of_the_camera() -> None:
    assert exposure_sets(taken(*(Exposure(bias=bias) for bias in (-1, 0, 1)))) == [[0, 1, 2]]
    assert exposure_sets(taken(*(Exposure(bias=bias) for bias in (-1, 0, 1)), every=5)) == []  # set by hand
    assert exposure_sets(taken(*(Exposure(bias=bias) for bias in (0, 1)))) == []
    assert exposure_sets(taken(*(Exposure(bias=0, seconds=s) for s in (0.1, 0.2, 0.3)))) == []
    assert exposure_sets(taken(Exposure(), Exposure(), Exposure())) == []


def test_times_set_by_hand_at_once_are_a_bracket() -> None:
    """In manual mode no light changes the time: a cable release or a phone does."""
    assert exposure_sets(taken(*(Exposure(mode=1, bias=0, seconds=s) for s in (0.01, 0.04, 0.0025)))) == [[0, 1, 2]]
    assert exposure_sets(taken(*(Exposure(mode=1, bias=0, seconds=s) for s in (0.01, 0.011, 0.012)))) == []
    assert exposure_sets(taken(*(Exposure(mode=0, bias=0, seconds=s) for s in (0.01, 0.04, 0.0025)))) == []


def test_a_bracket_of_which_each_photo_needs_the_shutter_pressed() -> None:
    assert exposure_sets(taken(*auto(0, -2, 2), every=8)) == [[0, 1, 2]]


def test_long_exposures_of_a_bracket_take_their_time() -> None:
    photos = taken(*auto(0, -2, 2, seconds=8.0), every=9)
    assert exposure_sets(photos) == [[0, 1, 2]]


def test_two_cameras_and_no_time() -> None:
    one, other = taken(*auto(0, -2, 2)), [replace(p, camera="two") for p in taken(*auto(0, -2, 2))]
    both = [photo for pair in zip(one, other, strict=True) for photo in pair]
    assert exposure_sets(both) == [[0, 2, 4], [1, 3, 5]]
    assert exposure_sets([replace(photo, clock=None) for photo in one]) == []


def stack(focus: list[int], strength: float = 3.0) -> list[Look]:
    """A picture in four columns, of which photo k has that one in focus."""
    picture = cv2.resize(scene(1, 240, 320), (1280, 960), interpolation=cv2.INTER_NEAREST)
    soft = blurred(picture, strength)
    looks = []
    for at in focus:
        shot = soft.copy()
        shot[:, 320 * at : 320 * (at + 1)] = picture[:, 320 * at : 320 * (at + 1)]
        looks.append(replace(look(0), blocks=measure(shot)))
    return looks


def test_a_walk_of_the_focus_is_a_stack() -> None:
    assert kind_of(taken(*[Exposure()] * 4, every=5), stack([0, 1, 2, 3])) == "focus stack"


def test_photos_of_which_some_are_soft_are_no_stack() -> None:
    sharp = cv2.resize(scene(1, 240, 320), (1280, 960), interpolation=cv2.INTER_NEAREST)
    looks = [replace(look(0), blocks=measure(blurred(sharp, sigma))) for sigma in (0.01, 0.3, 4, 4)]
    assert kind_of(taken(*[Exposure()] * 4), looks) == "series"
    assert kind_of(taken(*[Exposure()] * 4), stack([0, 0, 0, 0])) == "series"
    assert kind_of(taken(Exposure(), Exposure()), stack([0, 3])) == "series"  # focused anew


def test_a_moving_camera_is_no_stack() -> None:
    wide = cv2.resize(scene(1, 240, 640), (2560, 960), interpolation=cv2.INTER_NEAREST)
    wide[:, ::640] = blurred(wide, 6)[:, ::640]
    looks = [replace(look(0), blocks=measure(wide[:, x : x + 1280])) for x in range(0, 1200, 240)]
    assert kind_of(taken(*[Exposure()] * 5), looks) == "series"


def test_the_real_focus_stacks_are_told(shared_data: Path) -> None:
    from smalti.photos.listing import Shot
    from smalti.photos.read import open_photo, pixels

    for name in ("pcb", "depthmap"):
        place = shared_data / "series-photos" / "focus-stack" / name
        files = sorted(path for path in place.glob("pcb*"))
        opened = [open_photo(Shot(path, (path,))) for path in files]
        looks = [replace(look(0), blocks=measure(pixels(one))) for one in opened]
        if looks:
            assert kind_of([one.photo for one in opened], looks) == "focus stack"


def test_blocks_of_any_size(tmp_path: Path) -> None:
    for height, width in ((1, 1), (3, 5000), (5000, 7), (64, 64)):
        assert np.isfinite(measure(np.zeros((height, width, 3), np.uint8))).all()
