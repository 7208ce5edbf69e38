"""The small changes of `benchmarks/mutants.py`, and the settings of `tools/check_cpus.py`."""

import ast
import runpy
from pathlib import Path
from typing import Any

import pytest
from mutation import mutants

ROOT = Path(__file__).resolve().parent.parent


def changes(source: str) -> list[str]:
    found = list(mutants(source))
    assert len({mutant.code for mutant in found} | {ast.unparse(ast.parse(source))}) == len(found) + 1
    return [mutant.change for mutant in found]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a < b", ["a < b -> a <= b"]),
        ("x = a + 2", ["a + 2 -> a - 2", "2 -> 3"]),
        ("x = 1.5", ["1.5 -> 4.0"]),
        ("x = not a", ["not a -> a"]),
        ("x = a and b", ["a and b -> a or b"]),
        ("x = min(a, b)", ["min(a, b) -> max(a, b)"]),
        ("if a:\n    f(b)", ["a -> not a", "f(b) -> pass"]),
        ("def f():\n    return a", ["return a -> return None"]),
        ("for x in y:\n    break", ["break -> continue"]),
        ("x = True", ["True -> False"]),
        ("x += 1", ["x += 1 -> x -= 1", "1 -> 2"]),
    ],
)
def test_one_thing_is_changed_at_a_time(source: str, expected: list[str]) -> None:
    assert changes(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring of 3 words."""',
        "def f(x: int) -> list[1]: ...",
        "raise ValueError(f'{a + 1} is no {b - 1}')",
        "assert a == 1",
        "x = zip(a, b, strict=True)",
        "@dataclass(frozen=True)\nclass A: ...",
        "import a",
        "x = 'text ' + f'{a}'",
    ],
)
def test_what_no_test_should_know_is_left_alone(source: str) -> None:
    assert changes(source) == []


def test_changes_at_different_places_of_a_line_are_told_apart() -> None:
    found = list(mutants("x = f(a > 0, b > 0)"))
    assert len({(mutant.line, mutant.column, mutant.change) for mutant in found}) == len(found) == 4


def test_every_value_of_a_processor_comes_once_and_every_combination_where_asked(tmp_path: Path) -> None:
    script: dict[str, Any] = runpy.run_path(str(ROOT / "tools" / "check_cpus.py"))
    some, every = script["settings"](False), script["settings"](True)
    assert len(every) == len(set(every)) == 18 and set(some) < set(every)
    for name, values in (("aten", script["ATEN"]), ("onednn", script["ONEDNN"]), ("threads", script["THREADS"])):
        assert {getattr(setting, name) for setting in some} == set(values)
    assert some[1].environment["OMP_NUM_THREADS"] == "4" and some[1].environment["ATEN_CPU_CAPABILITY"] == "avx2"


def test_the_report_of_a_run_is_counted(tmp_path: Path) -> None:
    results = runpy.run_path(str(ROOT / "tools" / "check_cpus.py"))["results"]
    cases = ["", "<failure/>", "<error/>", "<skipped/>", ""]
    tests = "".join(f'<testcase classname="tests.a" name="t{i}">{inner}</testcase>' for i, inner in enumerate(cases))
    (tmp_path / "a.xml").write_text(f"<testsuites><testsuite>{tests}</testsuite></testsuites>")
    assert results(tmp_path / "a.xml") == (2, ["tests.a::t1", "tests.a::t2"], 1)
    assert results(tmp_path / "none.xml") == (0, ["pytest did not come to its end"], 0)
