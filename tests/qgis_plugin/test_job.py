"""One run of the program by the plugin: lines, progress, failure, and the end when the user cancels."""

import io
import itertools
import queue
import signal
import sys
import time

import pytest

from smalti.cli.progress import Log
from smalti.cli.verb import shown_warnings
from smalti.errors import SceneWarning, warn
from smalti_qgis.job import Canceled, JobError, _read, answer, is_warning, reason, run, share


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_lines_come_as_they_are_printed() -> None:
    said: list[str] = []
    code = "import sys; print('Stra\u00dfe'); print('warning: dark', file=sys.stderr); print(); print('done')"
    assert run(python(code), said.append, lambda: False) == said
    assert sorted(said) == ["Stra\u00dfe", "done", "warning: dark"]


def test_a_failure_is_its_one_line() -> None:
    code = "import sys; print('began'); sys.exit('smalti: x.tif: no image; give one')"
    with pytest.raises(JobError, match=r"^x\.tif: no image; give one$"):
        run(python(code), lambda line: None, lambda: False)


def test_json_is_read_beside_warnings() -> None:
    code = "import sys; print('warning: dark', file=sys.stderr, flush=True); print('[1,'); print(); print('2]')"
    assert answer(python(code), lambda: False) == [1, 2]


def test_what_is_no_json_and_failures_are_one_line() -> None:
    for printed, got in (("'Hello'", "'Hello'"), ("", "nothing")):
        with pytest.raises(JobError, match=f"^.* printed no JSON but {got}; call .* in a terminal to see why$"):
            answer(python(f"print({printed})"), lambda: False)
    with pytest.raises(JobError, match=r"^x: no such model; name one$"):
        answer(python("import sys; sys.exit('smalti: x: no such model; name one')"), lambda: False)


@pytest.mark.parametrize("code", ["import time; time.sleep(60)", "while True: print('busy')"])
def test_canceling_ends_the_program(code: str) -> None:
    began = time.monotonic()
    with pytest.raises(Canceled):
        run(python(code), lambda line: None, iter([False, False, True]).__next__)
    assert time.monotonic() - began < 10


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_program_that_was_killed_says_so() -> None:
    with pytest.raises(JobError, match=rf"^the program ended with code {-signal.SIGKILL} and printed nothing$"):
        run(python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"), lambda line: None, lambda: False)


def test_a_pipe_that_is_closed_under_the_reader_ends_it() -> None:
    arriving: queue.Queue[str | None] = queue.Queue()
    stream = io.StringIO("one line\n")
    stream.close()
    _read(stream, arriving)
    assert arriving.get_nowait() is None


def test_progress_is_read_from_the_lines_that_the_command_line_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = itertools.count()
    monkeypatch.setattr("smalti.cli.progress.time.monotonic", lambda: float(next(clock)))
    monkeypatch.setenv("SMALTI_PROGRESS_EVERY", "1")
    log = Log(100_000_000, "Pix", "map 1% of 2.tif")
    log(7_000_000)
    log(30_000_000)
    assert [share(line) for line in capsys.readouterr().err.splitlines()] == [7, 37]
    assert share("m.tif: 0.3 MPix in 0.9 s, 0.3 MPix/s") is None


def test_warnings_are_known_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_warnings():
        warn(SceneWarning("it is dark"))
    [line] = capsys.readouterr().err.splitlines()
    assert is_warning(line) and not is_warning("smalti: it is dark")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["smalti: a.tif: damaged", "warning: later"], "a.tif: damaged"),
        (["Usage: smalti map", "Error: Missing option '-o'."], "Missing option '-o'."),
        (["m.tif: 7% of 9 Pix"], "the program ended with code 3 and printed nothing"),
    ],
)
def test_the_line_that_says_why(lines: list[str], expected: str) -> None:
    assert reason(lines, 3) == expected
