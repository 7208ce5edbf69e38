"""Lines of a training in a terminal and in a log."""

import itertools

import pytest

from smalti.cli.progress import EVERY_S, Lines, Log
from smalti.workflows.progress import Progress


def test_in_a_log_the_line_of_each_step_is_printed_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = itertools.count(0, EVERY_S / 10)
    monkeypatch.setattr("smalti.cli.progress.time.monotonic", lambda: next(clock))
    with Lines() as lines:
        for step in range(40):
            lines(Progress("own", step, 40, "step", f"\rstep {step}/40  loss 0.5  "))
        lines(Progress("own", 40, 40, "step", "step 40: mIoU 50"))
    said = capsys.readouterr().out
    assert "\r" not in said and said.endswith("step 40: mIoU 50\n")
    steps = [line for line in said.splitlines() if line.startswith("step ") and "/40" in line]
    assert 2 <= len(steps) <= 6 and all(line.endswith("loss 0.5") for line in steps)


def test_in_a_terminal_the_line_of_each_step_replaces_the_former(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Lines() as lines:
        monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
        lines(Progress("own", 1, 2, "step", "\rstep 1/2"))
        lines(Progress("own", 2, 2, "step", "\rstep 2/2"))
    assert capsys.readouterr().out == "\rstep 1/2\rstep 2/2"


@pytest.mark.parametrize(("every", "lines"), [("2", 4), ("soon", 0)])
def test_a_program_sets_how_often_it_hears_of_progress(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], every: str, lines: int
) -> None:
    clock = itertools.count()
    monkeypatch.setattr("smalti.cli.progress.time.monotonic", lambda: float(next(clock)))
    monkeypatch.setenv("SMALTI_PROGRESS_EVERY", every)
    log = Log(100, "Pix", "map.tif")
    for _ in range(9):
        log(10)
    assert len(capsys.readouterr().err.splitlines()) == lines
