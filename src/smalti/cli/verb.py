"""What all commands share: warnings become lines, and options that contradict each other are wrong usage."""

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
    """A command whose libraries print past Python when a disk is full or a file is damaged; our own line says it."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs it with the standard error of this process for Python alone."""
        with quiet_libraries():
            return super().invoke(ctx)


@contextmanager
def shown_warnings() -> Iterator[None]:
    """Every warning of this package is one line on the standard error; others are shown as before."""
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


_HEADS: dict[type[Warning], str] = {TrainingWarning: "smalti: warning"}  # beside lines of other libraries
