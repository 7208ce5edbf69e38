"""The option `--bands`."""

import click


def bands(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """The names or numbers of bands in a list with commas."""
    return None if value is None else tuple(band.strip() for band in value.split(","))
