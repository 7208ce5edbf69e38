"""The base classes of commands: warnings are printed as lines, and contradictory options are usage errors."""

from contextlib import AbstractContextManager
from typing import Any

import click

from smalti.cli.quiet import quiet_libraries
from smalti.errors import OptionError, TrainingWarning, heard


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


def shown_warnings() -> AbstractContextManager[None]:
    """Prints every warning of this package as one line to the standard error; others are shown as usual."""
    return heard(lambda warning: click.echo(f"{_HEADS.get(type(warning), 'warning')}: {warning}", err=True))


_HEADS: dict[type[Warning], str] = {TrainingWarning: "smalti: warning"}  # to stand out among lines of other libraries
