from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smalti.arrays import Floats, Mask
from smalti.regrid import Regrid, first_row
from smalti.taps import squeeze, taps
from smalti.tiling import Window, plan_tiles, spans

Size = tuple[int, int]
TILE = 8


def values_of(size: Size, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).random((2, *size), np.float32)


def whole(values: Floats, valid: Mask, target: Size) -> tuple[Floats, Mask]:
    """The same, of the whole grid at once."""
    down, right = (taps(0, n, m / n, m) for n, m in zip(target, values.shape[1:], strict=True))
    share = squeeze(valid[None].astype(np.float32), down, right)[0]
    return squeeze(np.where(valid, values, 0), down, right) / np.where(share > 0, share, 1), share > 0


def in_windows(
    values: Floats, valid: Mask, target: Size, overlap: int, rows_done: int = 0
) -> Iterator[tuple[Window, Floats, Mask]]:
    size = values.shape[1:]
    begins = [span.begin for span in spans(size[0], TILE, overlap)]
    begin = first_row(begins, size[0], target[0], rows_done) if rows_done else 0
    regrid = Regrid(size, target, rows_done)
    for tile in plan_tiles(*size, TILE, overlap):
        if tile.done.row >= begin:
            here = tile.done.slices()
            for window, found, seen in regrid.add(tile.done, {"a": values[:, *here]}, valid[here]):
                yield window, found["a"], seen


def gathered(pieces: Iterator[tuple[Window, Floats, Mask]], target: Size) -> tuple[Floats, Mask, np.ndarray, list[int]]:
    out, seen, often = np.zeros((2, *target), np.float32), np.zeros(target, bool), np.zeros(target, int)
    rows, place = [], (0, 0)
    for window, found, known in pieces:
        assert window.row > place[0] or (window.row, window.col) >= place, "windows come from left to right, then down"
        assert window.row in rows or window.col == 0, "the first of a row begins at the left"
        place = (window.row, window.right)
        rows.append(window.row)
        here = window.slices()
        out[:, *here], seen[here] = found, known
        often[here] += 1
    return out, seen, often, sorted(set(rows))


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    target=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    overlap=st.integers(0, TILE - 1),
    holes=st.booleans(),
)
def test_windows_give_what_the_whole_grid_gives(size: Size, target: Size, overlap: int, holes: bool) -> None:
    values = values_of(size)
    valid = values[0] > (0.4 if holes else -1)
    out, seen, often, _ = gathered(in_windows(values, valid, target, overlap), target)
    expected, known = whole(values, valid, target)
    assert (often == 1).all()
    assert (seen == known).all()
    np.testing.assert_allclose(out[:, seen], expected[:, seen], atol=1e-5)


@pytest.mark.parametrize("target", [(70, 55), (9, 12), (21, 26), (33, 40)])
@pytest.mark.parametrize("overlap", [0, 2, 6])
def test_it_resumes_after_any_row_of_windows_with_the_same_bits(target: Size, overlap: int) -> None:
    values = values_of((25, 26))
    valid = values[0] > 0.2
    out, _, _, rows = gathered(in_windows(values, valid, target, overlap), target)
    for row in rows[1:]:
        again, _, often, _ = gathered(in_windows(values, valid, target, overlap, row), target)
        assert (often[:row] == 0).all() and (often[row:] == 1).all()
        assert (again[:, row:] == out[:, row:]).all()


def test_wide_windows_come_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smalti.regrid._MOST", 200)
    values, target = values_of((20, 20)), (50, 60)
    pieces = list(in_windows(values, values[0] >= 0, target, 2))
    assert max(window.width for window, _, _ in pieces) <= 4
    out, _, often, _ = gathered(iter(pieces), target)
    assert (often == 1).all()
    np.testing.assert_allclose(out, whole(values, values[0] >= 0, target)[0], atol=1e-5)


def test_what_is_invalid_has_no_share() -> None:
    values = np.ones((1, 2, 4), np.float32)
    values[..., 2:] = np.nan
    valid = np.isfinite(values[0])
    [(window, found, seen)] = Regrid((2, 4), (4, 8)).add(Window(0, 0, 2, 4), {"a": values}, valid)
    assert window == Window(0, 0, 4, 8)
    assert seen[0].tolist() == [True] * 5 + [False] * 3
    assert (found["a"][:, seen] == 1).all()
