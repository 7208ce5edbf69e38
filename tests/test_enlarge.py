"""Coarse probabilities enlarged window by window, and the best class of most pixels without interpolation."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smalti.arrays import Floats, Mask
from smalti.enlarge import FACTORS, Enlarged, Enlarger
from smalti.products import best_class
from smalti.regrid import Axis
from smalti.taps import squeeze
from smalti.tiling import Window, plan_tiles, spans

Size = tuple[int, int]
TILE = 8


def probabilities(kind: str, size: Size, seed: int, classes: int = 4) -> Floats:
    random = np.random.default_rng(seed)
    if kind == "ties":  # few different values, so that many are the best
        found = random.integers(0, 3, (classes, *size)).astype(np.float32)
    elif kind == "near ties":
        found = 1 + random.integers(-2, 3, (classes, *size)).astype(np.float32) * np.float32(2**-23)
    else:
        found = random.random((classes, *size), np.float32)
    return np.asarray(found / np.maximum(found.sum(0), 1e-3), np.float32)


def coarse(size: Size, factor: int) -> Size:
    return -(-size[0] // factor), -(-size[1] // factor)


def whole(values: Floats, size: Size, factor: int) -> Floats:
    """All of a map at once, by the taps that resample anything else."""
    down, right = (
        Axis(own, length, 1 / factor).taps(0, length) for own, length in zip(values.shape[1:], size, strict=True)
    )
    return np.asarray(squeeze(values, down, right), np.float32)


def in_windows(
    values: Floats, valid: Mask, factor: int, overlap: int, first: int = 0
) -> Iterator[tuple[Window, Enlarged, Mask]]:
    """The windows from row number `first` of tiles on."""
    begins = [span.begin for span in spans(values.shape[1], TILE, overlap)]
    above = begins[max(first - 1, 0)]
    rows_done = 0 if not first else Axis(values.shape[1], len(valid), 1 / factor).complete(begins[first])
    enlarger = Enlarger(valid.shape, factor, rows_done)
    for tile in plan_tiles(*values.shape[1:], TILE, overlap):
        if tile.done.row >= above:
            part = tile.done.times(factor).intersect(Window(0, 0, *valid.shape))
            assert part is not None
            found = enlarger.add(tile.done, {"a": values[:, *tile.done.slices()]}, valid[part.slices()])
            if found is not None:
                yield found


CASES = {
    "size": st.tuples(st.integers(1, 90), st.integers(1, 90)),
    "factor": st.sampled_from(FACTORS),
    "overlap": st.integers(0, TILE - 1),
    "kind": st.sampled_from(["random", "ties", "near ties"]),
    "seed": st.integers(0, 99),
}


@settings(max_examples=80, deadline=None)
@given(**CASES, first=st.integers(0, 4))
def test_windows_are_the_interpolated_whole_and_cover_it_once(
    size: Size, factor: int, overlap: int, kind: str, seed: int, first: int
) -> None:
    values = probabilities(kind, coarse(size, factor), seed)
    valid = np.random.default_rng(seed).random(size) < 0.9
    begins = [span.begin for span in spans(values.shape[1], TILE, overlap)]
    first = min(first, len(begins) - 1)
    expected = whole(values, size, factor)
    often = np.zeros(size, int)
    for window, found, seen in in_windows(values, valid, factor, overlap, first):
        rows, cols = window.slices()
        often[rows, cols] += 1
        np.testing.assert_array_equal(seen, valid[rows, cols])
        total = expected[:, rows, cols].sum(0) if not seen.all() else 1
        np.testing.assert_allclose(found["a"], expected[:, rows, cols] / np.maximum(total, 1e-30), atol=1e-6)
    row = 0 if not first else Axis(values.shape[1], size[0], 1 / factor).complete(begins[first])
    assert (often[row:] == 1).all() and not often[:row].any()


@settings(max_examples=150, deadline=None)
@given(**CASES)
def test_best_classes_are_those_of_the_interpolated_probabilities_to_the_last_bit(
    size: Size, factor: int, overlap: int, kind: str, seed: int
) -> None:
    values = probabilities(kind, coarse(size, factor), seed)
    for window, found, _ in in_windows(values, np.ones(size, bool), factor, overlap):
        ids = np.empty((window.height, window.width), np.uint8)
        found.best_class("a", ids)
        np.testing.assert_array_equal(ids, best_class(found["a"]))
        part = Window(window.row + window.height // 3, window.col + window.width // 2, 1, window.width // 3 + 1)
        here = part.within(window)
        np.testing.assert_array_equal(found.cut(part)["a"], found["a"][:, *here])
        found.cut(part).best_class("a", ids[here])
        np.testing.assert_array_equal(ids, best_class(found["a"]))


def test_only_cells_with_several_classes_are_interpolated(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.zeros((2, 40, 40), np.float32)
    values[0, :, :20], values[1, :, 20:] = 1, 1
    added = Enlarger((160, 160), 4).add(Window(0, 0, 40, 40), {"a": values}, np.ones((160, 160), bool))
    assert added is not None
    columns = []
    monkeypatch.setattr("smalti.enlarge._between", lambda _, row, col, factor: columns.append(col) or ())
    added[1].best_class("a", np.empty((160, 160), np.uint8))
    np.testing.assert_array_equal(np.concatenate(columns), [20] * 41)


def test_where_a_tile_was_left_out_others_keep_their_probabilities() -> None:
    values = probabilities("random", (8, 8), 0)
    values[:, :, 4:] = 0  # a tile without a valid pixel is not asked for
    valid = np.ones((32, 32), bool)
    valid[:, 16:] = False
    found = Enlarger((32, 32), 4).add(Window(0, 0, 8, 8), {"a": values}, valid)
    assert found is not None
    np.testing.assert_allclose(found[1]["a"][:, valid].sum(0), 1, atol=1e-6)
