import math

import pytest

from smalti.text import within


@pytest.mark.parametrize(
    ("value", "span", "text"),
    [
        (3.926e-05, 32.62, "0.0"),
        (17.78, 17.78, "17.8"),
        (0.5, 1.0, "0.50"),
        (281.23, 0.9, "281.230"),
        (8848.86, 9000, "8849"),
        (-413.4, 30000, "-413"),
        (0.3, 0.0, "0.3"),
        (0.3, math.nan, "0.3"),
    ],
)
def test_numbers_have_the_decimals_by_which_they_differ(value: float, span: float, text: str) -> None:
    assert within(value, span) == text
