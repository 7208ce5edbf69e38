"""The tree of errors and its drawing."""

import re
import sys

import pytest

from smalti import errors
from smalti.errors import MissingExtraError, SmaltiError


def drawn() -> dict[str, int]:
    """Names in the docstring's drawing with their depth."""
    found = {}
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"([│├└─ ]*)([A-Z]\w+Error|SmaltiError) ", line):
            found[match[2]] = len(match[1]) // 4
    return found


def real(kind: type[SmaltiError] = SmaltiError, depth: int = 0) -> dict[str, int]:
    tree = {kind.__name__: depth}
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            tree |= real(child, depth + 1)
    return tree


def test_the_drawing_is_the_tree() -> None:
    assert drawn() == real()


@pytest.mark.parametrize("name", real())
def test_every_error_says_what_it_means(name: str) -> None:
    assert getattr(errors, name).__doc__


def test_a_missing_part_names_the_line_that_brings_it() -> None:
    assert str(MissingExtraError("openvino", "openvino")).endswith("pip install 'smalti[openvino]'")


def test_a_name_that_breaks_a_line_does_not_break_the_message() -> None:
    assert str(SmaltiError("a\nb\x1b[2J\u202e.tif: é is missing")) == r"a\nb\x1b[2J\u202e.tif: é is missing"
    assert str(SmaltiError("\udcff\ud800\u202f")) == "\\xff\\ud800\u202f"


def test_the_packaged_program_names_no_installer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "pip install 'smalti[vector]'" in str(MissingExtraError("pyogrio", "vector"))
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    told = str(MissingExtraError("pyogrio", "vector"))
    assert "packaged program" in told and "pip" not in told
