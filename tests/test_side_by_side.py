import sys

import pytest
from side_by_side import Case, _line

NAMES = ("a way", "a net", "torch")


def test_a_case_keeps_its_fastest_round_and_its_highest_peak(tmp_path):
    scene = tmp_path / "scene.tif"
    case = Case(NAMES, [sys.executable, "-c", "print('noise'); print([0.5, 0.8, 300])"])
    case.run(scene)
    case.command = [sys.executable, "-c", "print([0.4, 0.9, 200])"]
    case.run(scene)
    assert _line(case, case, 1000) == "| a way | a net | torch | 0.40 | 2.50 | 0.80 | 1.00 | 300 |"
    assert not list(tmp_path.iterdir())  # maps are gone


def test_a_case_that_cannot_run_says_why():
    assert Case(NAMES, [sys.executable, "-c", "import absent_here"]).missing().endswith("'absent_here'")
    assert not Case(NAMES, [sys.executable, "-c", ""]).missing()


def test_a_case_that_fails_stops_the_run(tmp_path):
    with pytest.raises(SystemExit, match="bad scene"):
        Case(NAMES, [sys.executable, "-c", "import sys; sys.exit('bad scene')"]).run(tmp_path / "scene.tif")
