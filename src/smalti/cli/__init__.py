"""The command line: a lazy group, so that `smalti --help` imports no command."""

import importlib
import sys
from typing import Any, NoReturn

import click

from smalti import __version__
from smalti.errors import InputError, MissingExtraError, SmaltiError, exit_code

COMMANDS = {
    # name: what it does, in the order in which a new user needs them
    "demo": "Draw a scene, map it, score the map, and show the result.",
    "draw": "Draw a georeferenced scene with its exact ground truth.",
    "map": "Turn scenes into class maps.",
    "mosaic": "Turn many overlapping scenes into one map.",
    "teach": "Teach a model your place with a few strokes, in a second.",
    "suggest": "Find where strokes would help a model most.",
    "stats": "Measure the area of each class per polygon.",
    "photos": "Find the best photo of each series in a folder.",
    "evaluate": "Score a model on images with labels.",
    "data": "List public datasets, and check a download of one.",
    "recipes": "Write the recipes that come with Smalti into a folder.",
    "train": "Train a network from a recipe.",
    "pretrain": "Train an encoder by image classification, for other recipes.",
    "export": "Write a trained checkpoint as one ONNX file.",
    "prune": "Take channels out of a trained net, to train it further.",
    "shrink": "Make a model smaller and faster: 8-bit integers, as far as its accuracy allows.",
    "bench": "Measure the speed and memory of models on this machine.",
    "models": "List the available models, with their cards.",
    "app": "Open the app in a window: look at scenes, map them, look at maps.",
    "serve": "Serve the app and its REST interface to browsers.",
}

INTERNAL = ("_work",)
"""Commands that Smalti itself starts; help does not list them."""

EXTRAS = {
    # package that the base install lacks: the extra that contains it
    "pyogrio": "vector",
    "torch": "train",
    "lightning": "train",
    "onnx": "train",
    "onnxscript": "train",
    "safetensors": "train",
    "huggingface_hub": "train",
    "tensorboard": "train",
    "cv2": "train",
    "openvino": "openvino",
    "nncf": "int8",
    "pyarrow": "parquet",
    "timm": "timm",
    "pillow_heif": "photos",
    "nvidia_dali_cuda120": "dali",
    "torchjd": "balance",
    "matplotlib": "plot",
    "xarray": "xarray",
    "h5py": "nyuv2",
    "scipy": "nyuv2",
    "fastapi": "app",
    "uvicorn": "app",
    "distributed": "cluster",
    "obstore": "remote",
    "pystac": "remote",
    "pystac_client": "remote",
}

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


class LazyGroup(click.Group):
    """A group whose commands are modules of this package, imported when they are called."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command; one line after Ctrl-C."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("smalti: interrupted; maps and trainings are resumed by the same command", err=True)
            ctx.exit(INTERRUPTED)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of that name; this is where its module is imported."""
        if name not in COMMANDS and name not in INTERNAL:
            return None
        command: click.Command = importlib.import_module(f"smalti.cli.{name.removeprefix('_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list of commands from the table, so that no module is imported for its help line."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="smalti")
def group() -> None:
    """Aerial and satellite images become maps, on small computers."""


def main() -> None:
    """Entry point: prints an error as one line and exits with its code, also if memory or an optional dependency is
    missing."""
    # rasterio imports it where it is installed: 150 ms, and a socket of its own. Credentials of stores are GDAL's.
    sys.modules.setdefault("boto3", None)  # type: ignore[arg-type]  # None: an import of it fails
    try:
        group(prog_name="smalti")
    except SmaltiError as error:
        _leave(error)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        _leave(MissingExtraError(package, EXTRAS[package]))
    except OSError as error:  # no permission to look up a path, or a name that is too long
        if error.filename is None:
            raise
        _leave(InputError(f"{error.filename}: {error.strerror}; give a path that you may use"))
    except MemoryError as error:
        why = f" ({error})" if str(error) else ""
        _leave(InputError(f"not enough memory{why}; use smaller tiles or images, or another machine"))


def _leave(error: SmaltiError) -> NoReturn:
    click.echo(f"smalti: {error}", err=True)
    sys.exit(exit_code(error))
