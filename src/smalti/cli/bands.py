"""The option `--bands`."""

from collections.abc import Callable
from typing import Any

import click


def bands(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """The names or numbers of bands in a list with commas."""
    return None if value is None else tuple(band.strip() for band in value.split(","))


def bands_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the option to a command."""
    text = "Bands for the model, by name or number: 3,2,1."
    return click.option("--bands", callback=bands, metavar="LIST", help=text)(command)
