import math
from pathlib import Path

import pytest

from smalti.errors import DataError, OptionError
from smalti.evaluation.places import PlaceRow, Places, check_pattern, place_of


@pytest.mark.parametrize(
    ("path", "pattern", "place"),
    [
        ("towns/images/chico_2020_1.jpg", None, "towns/chico"),
        ("images/chico_2020_1.jpg", None, "chico"),
        ("towns/images/7.png", None, "towns"),
        ("images/7.png", None, "all images"),
        ("dubai/tile7/images/part_001.jpg", r"(tile\d)", "tile7"),
        ("dubai/tile7/images/part_001.jpg", r"tile\d", "tile7"),
    ],
)
def test_the_place_is_in_the_path(path: str, pattern: str | None, place: str) -> None:
    assert place_of(Path(path), pattern) == place


def test_a_pattern_matches_every_path_and_is_a_regular_expression() -> None:
    with pytest.raises(DataError, match=r"a/images/b\.png: --place 'tile' does not match this path"):
        place_of(Path("a/images/b.png"), "tile")
    with pytest.raises(OptionError, match=r"--place '\(' is not a regular expression"):
        check_pattern("(")


TABLE = Places(
    ("rightness", "mIoU"),
    (PlaceRow("bishop", 3, 1200, (0.5, math.nan)), PlaceRow("chico", 1, 900, (0.4, 0.2))),
)


def test_every_place_counts_alike_and_the_worst_is_named() -> None:
    assert TABLE.mean == pytest.approx((0.45, 0.2))
    assert TABLE.worst.place == "chico"
    assert TABLE.lines() == [
        "place             images  pixels  rightness   mIoU",
        "--------------------------------------------------",
        "bishop                 3   1,200      50.00      -",
        "chico                  1     900      40.00  20.00",
        "--------------------------------------------------",
        "mean over places       4   2,100      45.00  20.00",
        "",
        "worst place: chico, rightness 40.00",
    ]


def test_of_errors_the_largest_is_worst() -> None:
    errors = Places(("RMSE (m)",), (PlaceRow("a", 1, 9, (2.5,)), PlaceRow("b", 1, 9, (3.5,))), shares=False)
    assert errors.worst.place == "b"
    assert errors.lines()[-3].split()[-1] == "3"
    assert errors.lines()[-1] == "worst place: b, RMSE (m) 3.5"


def test_the_table_is_ready_for_json() -> None:
    found = TABLE.to_dict()
    assert found["places"][0] == {"place": "bishop", "images": 3, "pixels": 1200, "rightness": 0.5, "mIoU": None}
    assert found["mean_over_places"] == {"rightness": pytest.approx(0.45), "mIoU": 0.2}
    assert found["worst_place"] == "chico"
