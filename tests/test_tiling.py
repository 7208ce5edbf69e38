from itertools import pairwise

import numpy as np
import pytest

from smalti.tiling import Window, plan_tiles, spans, spread_tiles, starts, strips

SIZES = [(1, 1), (7, 40), (32, 32), (33, 32), (100, 57), (56, 200)]


def test_windows_shift_meet_and_cut() -> None:
    window = Window(2, 3, 4, 5)
    assert (window.bottom, window.right) == (6, 8)
    assert window.shift(1, -1) == Window(3, 2, 4, 5)
    assert window.intersect(Window(4, 0, 10, 4)) == Window(4, 3, 2, 1)
    assert window.intersect(Window(6, 3, 1, 1)) is None
    assert window.intersect(Window(2, 8, 1, 1)) is None  # it begins where the window ends
    assert window.intersect(Window(5, 7, 1, 1)) == Window(5, 7, 1, 1)
    assert window.within(Window(1, 1, 9, 9)) == (slice(1, 5), slice(2, 7))


def test_strips_cover_all_rows_once() -> None:
    assert list(strips(5, 7, 2)) == [Window(0, 0, 2, 7), Window(2, 0, 2, 7), Window(4, 0, 1, 7)]
    assert list(strips(4, 7, 2)) == [Window(0, 0, 2, 7), Window(2, 0, 2, 7)]
    assert list(strips(3, 7)) == [Window(0, 0, 3, 7)]


def test_the_last_tile_moves_inwards() -> None:
    assert starts(10, 4, 3) == [0, 3, 6]
    assert starts(11, 4, 3) == [0, 3, 6, 7]
    assert starts(4, 4, 3) == starts(1, 4, 3) == [0]


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("overlap", [0, 8, 24])
def test_finished_parts_cover_each_pixel_once(height: int, width: int, overlap: int) -> None:
    covered = np.zeros((height, width), int)
    kept = np.zeros((height, width), int)
    for tile in plan_tiles(height, width, 32, overlap):
        covered[tile.done.slices()] += 1
        kept[tile.keep.slices()] += 1
        assert tile.read.intersect(tile.keep) == tile.keep
        assert (tile.read.height, tile.read.width) == (32, 32)
    assert (covered == 1).all()
    assert (kept >= 1).all()


@pytest.mark.parametrize("length", range(32, 140, 9))
def test_neighbours_share_exactly_the_overlap(length: int) -> None:
    parts = spans(length, 32, 8)
    for before, after in pairwise(parts):
        assert before.end - after.begin == 8
        assert before.done == after.begin


def test_no_tile_comes_twice() -> None:
    tiles = list(plan_tiles(100, 100, 32, 8))
    assert len({tile.read for tile in tiles}) == len(tiles)


def test_any_size_of_tile_goes_with_a_net_that_shrinks_nothing() -> None:
    assert [tile.read for tile in plan_tiles(5, 5, 31, 8)] == [Window(0, 0, 31, 31)]


@pytest.mark.parametrize("wrong", [(0, 5, 32, 8, 1), (5, 5, 32, 32, 1), (5, 5, 30, 8, 32), (5, 5, 32, -1, 1)])
def test_impossible_plans_are_refused(wrong: tuple[int, int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="no tiling"):
        list(plan_tiles(*wrong))


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 9), (9, 1), (2, 3), (5, 5), (3, 40), (12, 6), (7, 8)])
def test_spread_tiles_lie_in_rows_and_columns_all_over(rows: int, columns: int) -> None:
    tiles = list(plan_tiles(64 + 48 * (rows - 1), 64 + 48 * (columns - 1), 64, 16))
    found = spread_tiles(tiles, 6)
    assert len(found) == len({tile.read for tile in found}) == min(6, rows * columns)
    for count, places in ((rows, [tile.read.row for tile in found]), (columns, [tile.read.col for tile in found])):
        if rows * columns > 6:
            assert len(set(places)) >= min(count, 4)
            assert max(places) - min(places) >= 48 * (count - 1) / 2
