import numpy as np
import pytest

from smalti.raster.statistics import Statistics


def test_strips_give_what_the_whole_gives():
    values = np.random.default_rng(0).normal(3, 2, (20, 30)).astype(np.float32)
    values[4:9, 3] = np.nan
    found = Statistics()
    for row in range(0, 20, 3):
        found.add(values[row : row + 3])
    whole = values.astype(np.float64)
    assert list(found.entries().values()) == pytest.approx(
        [np.nanmin(whole), np.nanmax(whole), np.nanmean(whole), np.nanstd(whole)]
    )


def test_nothing_known_gives_nothing():
    found = Statistics()
    found.add(np.full((2, 2), np.nan, np.float32))
    assert found.entries() == {} and np.isnan(found.mean)
