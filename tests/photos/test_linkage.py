"""Average linkage against its definition."""

import numpy as np
import pytest

from smalti.photos.linkage import Compare, average_linkage, components


def table(seed: int, number: int) -> tuple[np.ndarray, Compare]:
    rng = np.random.default_rng(seed)
    places = rng.normal(0, 1.2, (number, 3))
    unlike = np.linalg.norm(places[:, None] - places, axis=2).astype(np.float32)
    return unlike, lambda rows, cols: unlike[np.ix_(rows, cols)]


def by_definition(unlike: np.ndarray, parts: list[list[int]]) -> set[frozenset[int]]:
    """Joins the most alike two, again and again."""
    parts = [list(part) for part in parts]
    while len(parts) > 1:
        means = {(a, b): unlike[np.ix_(parts[a], parts[b])].mean() for b in range(len(parts)) for a in range(b)}
        a, b = min(means, key=lambda pair: means[pair])
        if means[a, b] > 1:
            break
        parts[a] += parts.pop(b)
    return set(map(frozenset, parts))


@pytest.mark.parametrize("seed", range(12))
def test_the_result_is_that_of_joining_the_most_alike_again_and_again(seed: int) -> None:
    unlike, compare = table(seed, 40)
    parts = (
        [[i] for i in range(40)]
        if seed % 2
        else [[0, 7, 9], [1, 2], *([i] for i in range(40) if i not in (0, 7, 9, 1, 2))]
    )
    done: list[int] = []
    found = average_linkage(compare, parts, done.append)
    assert set(map(frozenset, found)) == by_definition(unlike, parts)
    assert sum(done) == len(parts)


@pytest.mark.parametrize("seed", range(6))
def test_components_hang_together_by_pairs(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smalti.photos.linkage._BLOCK", 100)
    unlike, compare = table(seed, 50)
    reach = unlike <= 1
    for _ in range(6):
        reach = (reach.astype(int) @ reach) > 0
    wanted = {frozenset(np.flatnonzero(row).tolist()) for row in reach}
    assert {frozenset(part.tolist()) for part in components(compare, 50)} == wanted


def test_nothing_and_all_alike() -> None:
    assert components(lambda rows, cols: np.zeros((len(rows), len(cols)), np.float32), 0) == []
    same = lambda rows, cols: np.zeros((len(rows), len(cols)), np.float32)  # noqa: E731
    assert [len(part) for part in components(same, 9)] == [9]
    assert average_linkage(same, [[i] for i in range(9)]) == [list(range(9))]
