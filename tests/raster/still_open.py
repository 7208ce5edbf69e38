"""Which readers of files are open."""

from typing import Any

import pytest

from smalti.raster.read import FileReader


def still_open(monkeypatch: pytest.MonkeyPatch) -> list[FileReader]:
    """The readers that are opened from now on, and not closed yet."""
    found: list[FileReader] = []
    begin, close = FileReader.__init__, FileReader.close

    def opened(self: FileReader, *given: Any, **more: Any) -> None:
        begin(self, *given, **more)
        found.append(self)

    def closed(self: FileReader) -> None:
        close(self)
        found[:] = [each for each in found if each is not self]

    monkeypatch.setattr(FileReader, "__init__", opened)
    monkeypatch.setattr(FileReader, "close", closed)
    return found
