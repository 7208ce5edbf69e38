"""Ctrl-C in any command."""

import click
import pytest
from click.testing import CliRunner

from smalti.cli import group, models


def test_an_interrupted_command_says_so_in_one_line_and_by_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(models, "command", click.Command("models", callback=interrupted))
    done = CliRunner().invoke(group, ["models"])
    assert done.exit_code == 130
    assert done.stderr.startswith("smalti: interrupted; ") and done.stderr.count("\n") == 1
