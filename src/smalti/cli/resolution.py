"""The option `--resolution`."""

from collections.abc import Callable
from typing import Any

import click


def _metres(ctx: click.Context, param: click.Parameter, value: str) -> float | str:
    """`auto`, `native`, or metres per pixel."""
    if value in ("auto", "native"):
        return value
    try:
        metres = float(value)
    except ValueError:
        metres = 0.0
    if not 0 < metres < float("inf"):
        raise click.BadParameter(f"{value!r} is neither `auto`, `native` nor a pixel size in metres")
    return metres


def resolution(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the option to a command."""
    return click.option(
        "--resolution",
        callback=_metres,
        default="auto",
        show_default=True,
        metavar="auto|native|M",
        help="Pixel size that the network sees; results keep the scene's own.",
    )(command)
