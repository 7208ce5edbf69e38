"""The types of arguments that name files and folders."""

from pathlib import Path
from typing import Any

import click


class GivenPath(click.Path):
    """A local path; an empty one, as of an unset variable, is refused instead of meaning the current folder."""

    def __init__(self, **options: Any) -> None:
        super().__init__(path_type=Path, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path of a text."""
        if not str(value):
            self.fail("is empty; expected a path, or . for the current folder", param, ctx)
        return super().convert(value, param, ctx)


class OutPath(GivenPath):
    """A local path to write to; OutputError for a URL, before any work."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path of a text."""
        from smalti.files import check_local  # here: `--help` does not need it

        check_local(value)
        return super().convert(value, param, ctx)
