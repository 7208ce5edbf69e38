"""Options that commands share which map by a model: `--model`, `--fast`, `--engine`, `--threads`, `--stretch`."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import click

F = TypeVar("F", bound=Callable[..., object])

MODEL = "A name from `smalti models`, an .onnx file, or the folder of a checkpoint."
ENGINE = "auto: ONNX Runtime, for large maps the fastest one installed; NAME: of an installed package."
FAST = "Use the fast form of the model: MODEL_fast, or of FILE.onnx FILE_fast.onnx. Less accurate."
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


def _engine(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """The name of an available engine."""
    from smalti.errors import OptionError
    from smalti.runtime.open import find_engine

    try:
        find_engine(value)
    except OptionError as error:
        raise click.BadParameter(str(error)) from None
    return value


def which(command: F) -> F:
    """Adds `--model` and `--fast`."""
    command = click.option("--fast", is_flag=True, help=FAST)(command)
    return click.option("--model", default="landcover", show_default=True, help=MODEL)(command)


def form(model: str, fast: bool) -> str:
    """The name or file of the model, or with `--fast` of its fast form; BadParameter if it has none."""
    from smalti.errors import ModelError
    from smalti.runtime.models import find_model

    if not fast:
        return model
    file = Path(model)
    name = str(file.with_stem(f"{file.stem}_fast")) if file.suffix.lower() == ".onnx" else f"{model}_fast"
    with suppress(ModelError):
        if os.path.isfile(find_model(name)):  # noqa: PTH113 - also of a name that is too long
            return name
    mend = "choose another --model, or make one with smalti shrink"
    raise click.BadParameter(f"no model is named {name}; {mend}", param_hint="--fast")


def engine(command: F) -> F:
    """Adds `--engine` and `--threads`."""
    command = click.option(
        "--threads", type=click.IntRange(1, 1024), help="Threads of the engine; by default one per core."
    )(command)
    return click.option("--engine", callback=_engine, default="auto", metavar="auto|onnx|openvino|NAME", help=ENGINE)(
        command
    )
