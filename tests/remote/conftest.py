"""A store on the loopback, shared by the tests of this folder; each has a prefix of its own."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from smalti.raster import far
from smalti.remote import store as store_module
from tests.remote.loopback import Faulty, catalogue, faulty_store, served


@pytest.fixture(scope="session")
def _store() -> Iterator[Faulty]:
    with faulty_store("scenes", "maps") as store:
        yield store


@pytest.fixture
def store(_store: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Faulty:
    """The store, in the environment; nothing goes wrong yet, and little patience if it does."""
    _store.go_wrong()
    for key, value in _store.environment.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(far, "_prepared", threading.local())
    monkeypatch.setattr(far, "PAUSES_S", (0.01, 0.01))
    monkeypatch.setitem(far.READING, "GDAL_HTTP_RETRY_DELAY", "0.01")
    budget = store_module.BUDGET
    monkeypatch.setitem(budget, "max_retries", 4)
    return _store


@pytest.fixture(scope="session")
def _catalogue_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("catalogue")
    catalogue(folder)
    return folder


@pytest.fixture(scope="session")
def _catalogue(_catalogue_folder: Path) -> Iterator[Faulty]:
    with served("file_server.py", _catalogue_folder) as port, served("faulty_proxy.py", port) as proxy:
        yield Faulty(f"http://127.0.0.1:{proxy}")


@pytest.fixture
def web(_catalogue: Faulty, monkeypatch: pytest.MonkeyPatch) -> Faulty:
    """A static catalogue on a server."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    _catalogue.go_wrong()
    return _catalogue


@pytest.fixture
def folder(_catalogue_folder: Path) -> Path:
    """The same catalogue as files."""
    return _catalogue_folder
