"""The base classes of commands: warnings are printed as lines, and contradictory options are usage errors."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import click

from smalti.cli.quiet import quiet_libraries
from smalti.errors import OptionError, SmaltiWarning, TrainingWarning

_Show = Any  # the signature of `warnings.showwarning`


class Verb(click.Command):
    """A command that calls a verb of the Python API."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs it."""
        with shown_warnings():
            try:
                return super().invoke(ctx)
            except OptionError as error:
                raise click.UsageError(str(error), ctx) from None


class QuietVerb(Verb):
    """A command that drops what C libraries print about full disks and damaged files; our own message reports it."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs it with the standard error of this process reserved for Python."""
        with quiet_libraries():
            return super().invoke(ctx)


@contextmanager
def shown_warnings() -> Iterator[None]:
    """Prints every warning of this package as one line to the standard error; others are shown as usual."""
    with warnings.catch_warnings():
        others: _Show = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if isinstance(message, SmaltiWarning):
                click.echo(f"{_HEADS.get(type(message), 'warning')}: {message}", err=True)
            else:
                others(message, category, filename, lineno, file, line)

        warnings.simplefilter("always", SmaltiWarning)
        warnings.showwarning = show
        yield


_HEADS: dict[type[Warning], str] = {TrainingWarning: "smalti: warning"}  # to stand out among lines of other libraries
