"""The app in a window: how it starts and ends, and what others see of it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from smalti.app import server, start, window
from smalti.app.cores import multiply_alone
from smalti.app.start import Start, open_app
from smalti.errors import MissingExtraError
from tests.app.conftest import Serve

Browser = Callable[[str], Path]


@pytest.fixture
def app(tmp_path: Path) -> Start:
    return Start("127.0.0.1", 0, (tmp_path,), tmp_path / "data")


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """Makes a browser of some lines of Python; what it is started with goes to a file."""

    def make(code: str) -> Path:
        program, heard = tmp_path / "browser", tmp_path / "heard"
        lines = [
            f"#!{sys.executable}",
            "import sys, time",
            f"print(*sys.argv[1:], file=open({str(heard)!r}, 'a'))",
            code,
        ]
        program.write_text("\n".join(lines))
        program.chmod(0o755)
        monkeypatch.setattr(window, "find_browser", lambda: str(program))
        return heard

    return make


def test_a_closed_window_ends_the_app_without_an_error(
    app: Start, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, said = browser("sys.exit(0)"), []

    def serve(*_: object) -> None:
        wait_until(lambda: False)
        pytest.fail("the window was closed half a minute ago")

    monkeypatch.setattr(server, "run", serve)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        open_app(app, window=True, say=said.append)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(said) == 1 and said[0].startswith("http://127.0.0.1:")
    assert heard.read_text().startswith(f"--app={said[0].partition('?')[0]}")


def test_an_app_that_ends_closes_its_window(app: Start, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = browser("time.sleep(60)")
    processes: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def noted(command: list[str], **options: int) -> subprocess.Popen[bytes]:
        processes.append(popen(command, **options))
        return processes[0]

    monkeypatch.setattr(subprocess, "Popen", noted)
    monkeypatch.setattr(server, "run", lambda *_: wait_for(heard))
    open_app(app, window=True, say=lambda _: None)
    assert processes[0].wait(10) != 0


def wait_for(path: Path) -> None:
    """Until a file is there and not empty."""
    wait_until(lambda: path.exists() and bool(path.read_text()))


def wait_until(look: Callable[[], bool]) -> None:
    """Until something is so, or half a minute is over."""
    end = time.monotonic() + 30
    while not look() and time.monotonic() < end:
        time.sleep(0.05)


def test_a_browser_that_opens_no_window_gives_way_to_the_default_one(
    app: Start, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser("sys.exit(1)")
    page, said = tmp_path / "page", []
    monkeypatch.setattr(window.webbrowser, "open", lambda address: bool(page.write_text(address)))
    monkeypatch.setattr(server, "run", lambda *_: wait_for(page))
    open_app(app, window=True, say=said.append)
    wait_for(page)
    assert page.read_text().startswith("http://127.0.0.1:")
    assert said[1:] == [
        f"{tmp_path}/browser opens no window for the page: it is in the default browser; Ctrl-C ends it here"
    ]


def test_without_chrome_the_default_browser_is_named(
    app: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(window, "find_browser", lambda: None)
    monkeypatch.setattr(window.webbrowser, "open", lambda _: False)
    monkeypatch.setattr(server, "run", lambda *_: None)
    open_app(app, window=True, say=said.append)
    assert said[1].startswith("there is no Chrome, Chromium or Edge for the page: open the address above")


def test_the_list_of_processes_shows_no_token(app: Start, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    heard, said = browser("time.sleep(60)"), []
    monkeypatch.setattr(server, "run", lambda *_: wait_for(heard))
    open_app(app, window=True, say=said.append)
    token = said[0].partition("token=")[2]
    assert len(token) == 32 and token not in heard.read_text()


SECOND = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from smalti.app import window
from smalti.app.start import Start, open_app

def opened(_, profile):
    print(profile.name)
    sys.exit()

window.Window.open = opened
open_app(Start("127.0.0.1", 0, (), Path({data!r})), window=True, say=lambda _: None)
"""


def test_a_second_window_has_a_profile_of_its_own(app: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    profiles: list[str] = []

    def opened(_: window.Window, profile: Path) -> None:
        profiles.append(profile.name)
        if len(profiles) == 1:  # a program started while the first one runs
            code = SECOND.format(path=sys.path, data=str(app.data))
            profiles.extend(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split())

    monkeypatch.setattr(window.Window, "open", opened)
    monkeypatch.setattr(server, "run", lambda *_: None)
    for _ in range(2):
        open_app(app, window=True, say=print)
    assert profiles == ["window1", "window2", "window1"]


def test_the_window_opens_before_the_server_is_imported(tmp_path: Path) -> None:
    code = SECOND.replace("print(profile.name)", "print('fastapi' in sys.modules, 'rasterio' in sys.modules)")
    code = code.format(path=sys.path, data=str(tmp_path / "data"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False False\n", done.stderr


def test_without_the_extra_no_window_opens(app: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"smalti\[app\]"):
        open_app(app, window=True, say=print)


def test_a_window_whose_server_was_killed_keeps_its_profile(
    app: Start, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = browser("time.sleep(60)")
    profile = tmp_path / "data" / "window1"
    left = window.Window("http://x/", lambda: False, print)
    left.open(profile)
    wait_for(heard)
    monkeypatch.setattr(server, "run", lambda *_: wait_until(lambda: "window2" in heard.read_text()))
    open_app(app, window=True, say=lambda _: None)
    assert "window2" in heard.read_text()
    left.end()
    wait_until(lambda: not window.is_open(profile))
    assert not window.is_open(profile)


def test_an_interrupted_app_says_so(app: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(server, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        open_app(app, window=False, say=print)


def test_matrices_are_multiplied_by_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    multiply_alone()
    assert (os.environ["OPENBLAS_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]) == ("1", "3")
    loaded = "import sys, smalti.cli.serve, smalti.app.cores; print('numpy' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", loaded], text=True).strip() == "False"


@pytest.mark.parametrize("named", [True, False])
def test_a_data_folder_behind_a_link_takes_uploads(
    named: bool, app: Start, serve: Serve, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, link = app.roots[0] / "disk", app.roots[0] / "link"
    disk.mkdir()
    link.symlink_to(disk)
    monkeypatch.setattr(start, "default_root", lambda: link / "data")
    begun = replace(app, data=link / "data" if named else None)
    running = serve(data=begun.folders.root)
    found = running.upload(scene)
    assert running.http.get(f"/api/scenes/{found['id']}/tiles/0/0/0").status_code == 200
    running.mapped(found)
