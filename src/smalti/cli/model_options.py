"""Texts and checks of options that commands share which map by a model: `--model`, `--engine`, `--stretch`."""

import click

MODEL = "A name from `smalti models`, an .onnx file, or the folder of a checkpoint."
ENGINE = "auto: ONNX Runtime, for large maps the fastest one installed; NAME: of an installed package."
STRETCH = "Make bytes of this range: values, or percentiles of the whole scene, as 2%,98%."


def stretch(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A range of values or percentiles."""
    from smalti.errors import OptionError
    from smalti.raster.stretch import parse_stretch

    try:
        if value is not None:
            parse_stretch(value)
    except OptionError as error:
        raise click.BadParameter(str(error)) from None
    return value


def engine(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """The name of an available engine."""
    from smalti.errors import OptionError
    from smalti.runtime.open import find_engine

    try:
        find_engine(value)
    except OptionError as error:
        raise click.BadParameter(str(error)) from None
    return value
