"""Bursts by file names."""

import pytest

from smalti.photos.names import burst


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("00000IMG_00000_BURST20190512101520123_COVER", "00001IMG_00001_BURST20190512101520123"),
        ("DSCPDC_0001_BURST20180715102330150", "DSCPDC_0002_BURST20180715102330150"),
        ("IMG_20170512_101520_BURST1", "IMG_20170512_101520_BURST12"),
        ("IMAG0001_BURST001_COVER", "IMAG0001_BURST002"),
        ("20180512_101520_001", "20180512_101520_002"),
    ],
)
def test_names_of_one_burst(one: str, other: str) -> None:
    assert burst(one) == burst(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("IMG_20170512_101520_BURST1", "IMG_20170512_101533_BURST1"),
        ("20180512_101520_001", "20180512_101521_001"),
        ("X_BURST20190512101520123", "X_BURST20190512101520456"),
    ],
)
def test_names_of_two_bursts(one: str, other: str) -> None:
    assert "" != burst(one) != burst(other)


@pytest.mark.parametrize(
    "stem",
    [
        "IMG_1234_1",
        "IMG_1234",
        "DSC_0001",
        "20180512_101520",
        "99180512_991520_001",
        "sunburst",
        "Sunburst_1",
        "SUNBURST_2",
        "My_burst_3",
    ],
)
def test_names_that_tell_of_no_burst(stem: str) -> None:
    assert burst(stem) == ""
