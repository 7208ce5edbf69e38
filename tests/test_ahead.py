import itertools
import threading
from functools import partial

import pytest

from smalti.ahead import AHEAD, in_order, run_ahead, threads


def test_results_come_in_order_whatever_takes_how_long() -> None:
    gates = [threading.Event() for _ in range(6)]

    def job(number: int) -> int:
        gates[number].wait(10)
        return number

    results = run_ahead((partial(job, number) for number in range(6)), 6)
    for gate in reversed(gates):
        gate.set()
    assert list(results) == list(range(6))


@pytest.mark.parametrize("workers", (1, AHEAD, 7))
def test_no_more_is_begun_ahead_than_is_said_and_all_of_it_is_dropped_when_closed(workers: int) -> None:
    drawn = 0

    def jobs():
        nonlocal drawn
        for drawn in itertools.count(1):  # endlessly many
            yield partial(int, drawn)

    before = set(threading.enumerate())
    results = run_ahead(jobs(), workers)
    assert (next(results), next(results)) == (1, 2) and drawn == 2 + max(AHEAD, workers)
    results.close()
    assert set(threading.enumerate()) <= before


def test_an_error_comes_at_its_place_and_what_has_not_begun_is_dropped() -> None:
    done: list[int] = []

    def job(number: int) -> int:
        done.append(number)
        return 6 // (2 - number)

    results = run_ahead((partial(job, number) for number in itertools.count()), 1)
    assert [next(results), next(results)] == [3, 6]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert max(done) <= 2 + AHEAD and list(results) == []


def test_futures_of_several_threads_are_chained() -> None:
    with threads(1) as one, threads(1) as other:
        squares = in_order(one.submit(pow, number, 2) for number in range(20))
        assert list(in_order(other.submit(str, square) for square in squares)) == [str(n * n) for n in range(20)]
