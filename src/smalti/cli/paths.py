"""The type of arguments that name what is written."""

from pathlib import Path
from typing import Any

import click


class OutPath(click.Path):
    """A local path to write to; OutputError for a URL, before any work."""

    def __init__(self, **options: Any) -> None:
        super().__init__(path_type=Path, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path of a text."""
        from smalti.files import check_local  # here: `--help` does not need it

        check_local(value)
        return super().convert(value, param, ctx)
