"""Clocks that are set back, and cameras that do not say so."""

from dataclasses import replace

from smalti.photos.clocks import steady_clocks
from smalti.photos.group import group
from smalti.photos.photo import Photo
from tests.photos.shots import look, photo

SUMMER, WINTER = 7200, 3600
THREE = 1_729_998_000.0
"""Three o'clock in the night in which clocks are set back to two, on the clock of summer."""


def taken(name: str, clock: float, ahead: int | None, camera: str = "one") -> Photo:
    return replace(photo(name, clock, camera), taken=clock - (ahead or 0), ahead=ahead)


def test_a_burst_in_which_the_clock_is_set_back_stays_together() -> None:
    photos = [
        taken("first", THREE - 3600, SUMMER),  # an hour before, of something else
        taken("a", THREE - 0.25, SUMMER),
        taken("b", THREE - 3600 + 0.25, WINTER),
    ]
    steady = steady_clocks(photos)
    assert [one.clock for one in steady] == [THREE - 3600, THREE - 0.25, THREE + 0.25]
    assert [one.taken for one in steady] == [one.taken for one in photos]
    assert group(steady, [look(0), look(1), look(1)]) == [[0], [1, 2]]


def test_a_camera_that_does_not_always_say_how_far_its_clock_is_ahead_keeps_it() -> None:
    photos = [taken("a", THREE, None), taken("b", THREE + 0.25, SUMMER), photo("c")]
    assert steady_clocks(photos) == photos


def test_cameras_are_looked_at_alone_and_no_photo_is_no_fault() -> None:
    photos = [taken("a", THREE, SUMMER), taken("b", THREE, 0, "two"), taken("c", THREE, -3600, "two")]
    assert [one.clock for one in steady_clocks(photos)] == [THREE, THREE, THREE + 3600]
    assert steady_clocks([]) == []
