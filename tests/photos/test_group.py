"""Series by time and similarity."""

import random
from dataclasses import replace
from itertools import pairwise
from time import process_time

import pytest

from smalti.photos.group import BITS, group, pause
from smalti.photos.photo import Exposure, Look, Photo
from tests.photos.shots import look, photo

Shots = list[tuple[Photo, Look]]


def series(shots: Shots) -> list[list[str]]:
    found = group([photo for photo, _ in shots], [look for _, look in shots])
    return [[shots[i][0].path.name for i in members] for members in found]


def taken(*times: float | None, towards: int = 0, camera: str = "one", names: str = "abcdefghij") -> Shots:
    return [(photo(name, time, camera), look(towards)) for name, time in zip(names, times, strict=False)]


def test_alike_and_near_in_time_is_a_series() -> None:
    assert series(taken(0, 2, 4)) == [["a", "b", "c"]]


def test_unlike_is_none_even_at_once() -> None:
    shots = [*taken(0, 0.5), (photo("c", 0.7), look(1, bits=20))]
    assert series(shots) == [["a", "b"], ["c"]]


def test_alike_but_hours_apart_is_none() -> None:
    assert series(taken(0, 2, 7200, 7202)) == [["a", "b"], ["c", "d"]]


def test_alike_at_once_by_two_cameras_is_none() -> None:
    assert series(taken(0, 1) + taken(0.5, 1.5, camera="two", names="xy")) == [["a", "b"], ["x", "y"]]


def test_a_subject_between_two_others_does_not_part_them() -> None:
    shots = taken(0, 2, 4)
    shots[1] = photo("b", 2), look(1)
    assert series(shots) == [["a", "c"], ["b"]]


def test_photos_without_time_group_by_similarity_alone() -> None:
    shots = [*taken(None, None), (photo("z", None, "another camera"), look(0)), (photo("u", None), look(2))]
    assert series(shots) == [["a", "b", "z"], ["u"]]
    assert series(shots + taken(0, names="t")) == [["t"], ["a", "b", "z"], ["u"]]


def test_the_nearer_in_time_the_less_alike_they_need_be() -> None:
    bits = int(2.4 * BITS)  # with equal embeddings 2 * BITS are just alike

    def pair(gap: float | None) -> Shots:
        return [(photo("a", None if gap is None else 0), look(0)), (photo("b", gap), look(0, bits))]

    assert series(pair(0.5)) == [["a", "b"]]
    assert series(pair(120)) == series(pair(None)) == [["a"], ["b"]]


def test_a_chain_of_small_steps_does_not_run_away() -> None:
    flight = [(photo(f"{k:02}", 2.0 * k), look(0, lean=0.42 * k)) for k in range(12)]
    for one, other in pairwise(flight):
        assert len(series([one, other])) == 1
    found = series(flight)
    assert len(found) >= 3 and max(map(len, found)) <= 6
    assert [name for members in found for name in members] == [f"{k:02}" for k in range(12)]  # no holes


@pytest.mark.parametrize("time", [None, 5.0])
def test_bursts_always_join(time: float | None) -> None:
    shots = [(photo(str(k), time if k else 1000, burst="one"), look(k)) for k in range(4)]
    assert sorted(map(sorted, series([*shots, (photo("x", time), look(1))]))) in (
        [["0", "1", "2", "3"], ["x"]],
        [["0", "1", "2", "3", "x"]],
    )


def test_two_bursts_of_one_subject_may_be_one_series() -> None:
    shots = [(photo(f"{k}", k, burst=f"{k // 2}"), look(0)) for k in range(4)]
    assert series(shots) == [["0", "1", "2", "3"]]


def test_the_order_of_the_listing_decides_nothing() -> None:
    draw = random.Random(3)
    shots: Shots = []
    for k in range(60):
        time = None if k % 5 == 0 else draw.randrange(400) / 2
        burst = f"burst {k % 3}" if k % 11 == 0 else ""
        shots.append(
            (
                photo(f"{k:02}", time, f"camera {k % 2}", burst),
                look(k % 4, draw.randrange(20), lean=1.4 * draw.random()),
            )
        )
    first = series(shots)
    assert 5 < len(first) < 50
    for _ in range(5):
        draw.shuffle(shots)
        assert series(shots) == first


def test_the_pause_that_ends_a_run_follows_the_rhythm() -> None:
    assert pause([0.2, 0.2, 3]) == 10
    assert pause([4, 5, 6]) == 40
    assert pause([400, 500]) == 600
    drone = taken(*(2.0 * k for k in range(4)), 36, 38, names="abcdefgh")
    walk = taken(*(6.0 * k for k in range(4)), 48, 54, names="abcdefgh")
    assert len(series(drone)) == 2 and len(series(walk)) == 1


def test_one_photo_and_none() -> None:
    assert series(taken(5)) == [["a"]]
    assert series([]) == []


def test_times_of_one_camera_are_compared_by_its_clock() -> None:
    """One of a burst that knows how far its clock is from UTC would lie hours away."""
    shots = taken(7200, 7201, 7202)
    shots[1] = replace(shots[1][0], taken=1.0, clock=7201.0), shots[1][1]
    assert series(shots) == [["a", "b", "c"]]


@pytest.mark.parametrize("times", [[0.3 * k for k in range(12)], [float(k // 3) for k in range(12)]])
def test_a_pan_at_the_pace_of_a_burst_is_one_series(times: list[float]) -> None:
    """Nobody presses the shutter anew within half a second; a clock of whole seconds tells it by their number."""
    pan = [(photo(f"{k:02}", time), look(0, lean=0.6 * k)) for k, time in enumerate(times)]
    assert len(series(pan)) == 1
    slow = [(photo(f"{k:02}", 3.0 * k), look(0, lean=0.6 * k)) for k in range(12)]
    assert len(series(slow)) > 1


def test_an_exposure_bracket_is_a_series_of_its_own() -> None:
    shots = taken(0, 0.5, 1, 1.5, 2)
    for k, bias in enumerate((-2.0, 0.0, 2.0)):
        shots[k] = replace(shots[k][0], exposure=Exposure(mode=2, bias=bias)), look(k)
    assert series(shots) == [["a", "b", "c"], ["d", "e"]]


def test_many_photos_of_one_subject_are_grouped_in_time() -> None:
    def took(number: int) -> float:
        shots = [(photo(f"{k:05}", 2.0 * k), look(0, k % 5)) for k in range(number)]
        done: list[int] = []
        start = process_time()
        found = group([photo for photo, _ in shots], [look for _, look in shots], done.append)
        assert sum(done) == number == sum(map(len, found))
        return process_time() - start

    once = took(1500)
    assert took(3000) < 6 * once  # four times with the square of the number, eight times with the cube


def test_more_photos_than_can_be_compared_are_cut_at_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smalti.photos.group.MOST", 8)
    times = [float(k) + 3 * (k > 9) for k in range(16)]
    found = series([(photo(f"{k:02}", time), look(0)) for k, time in enumerate(times)])
    assert max(map(len, found)) <= 8 and [f"{k:02}" for k in range(10)] == [
        name for part in found[:-1] for name in part
    ]
    assert len(series([(photo(f"{k:02}"), look(0)) for k in range(20)])) >= 3
