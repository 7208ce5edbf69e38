"""`smalti evaluate`: scores a model on images with labels."""

from pathlib import Path
from typing import Any

import click

from smalti.cli.bands import bands_option
from smalti.cli.paths import GivenPath, OutPath
from smalti.cli.resolution import resolution
from smalti.cli.verb import Verb
from smalti.workflows.limits import WIDEST_BOUNDARY

_SCHEDULER = "Count images on the workers of a Dask scheduler, or on N processes of this machine."


def _thresholds(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    """Each `TASK=V` as the task's name and a number of at least 0."""
    found = []
    for text in given:
        name, _, number = text.rpartition("=")
        try:
            least = float(number)
        except ValueError:
            least = -1.0
        if not name or not 0 <= least < float("inf"):
            raise click.BadParameter(f"{text!r} is not TASK=V with a number V of at least 0")
        found.append((name, least))
    return tuple(found)


@click.command(name="evaluate", cls=Verb)
@click.argument("model")
@click.argument("data", type=GivenPath())
@click.option("--split", metavar="TEXT", help="The name and part of the data, for the protocol.")
@click.option("--chosen", metavar="TEXT", help="How the checkpoint was chosen, for the protocol.")
@click.option("--part", type=click.Choice(["test", "validation"]),
              help="The part of a recipe's data; default: test.")  # fmt: skip
@click.option("--set", "changes", multiple=True, metavar="A.B=C", help="Change a setting of the recipe; repeatable.")
@click.option(
    "--dataset",
    "--known",
    "dataset",
    metavar="NAME:SPLIT",
    help="DATA is a public dataset as downloaded; see `smalti data`.",
)
@click.option(
    "--tta", is_flag=True, help="Average over flips and quarter turns; the scores without it are reported too."
)
@click.option("--by", type=click.Choice(["place"]), help="Also score each place, and name the worst one.")
@click.option("--place", metavar="REGEX", help="The part of an image's path that names its place.  [default: folder, "
              "and name up to the first number]")  # fmt: skip
@click.option("--boundary", type=click.IntRange(1, WIDEST_BOUNDARY), default=3, show_default=True, metavar="PX",
              help="Distance in pixels within which boundaries match.")  # fmt: skip
@click.option("--leave-out", multiple=True, metavar="CLASS", help="Exclude a class from the means; repeatable.")
@click.option(
    "--above",
    multiple=True,
    callback=_thresholds,
    metavar="TASK=V",
    help="The true value from which relative errors of a task of values count.  [default: 1 m of heights, else 0]",
)
@click.option("--crop", type=click.Choice(["eigen"]), help="The part of each image that values are scored on.")
@click.option(
    "--against",
    multiple=True,
    type=GivenPath(),
    metavar="FILE.json",
    help="Stored scores of single-task networks, to compute Delta_m; repeatable.",
)
@click.option("--labels", type=GivenPath(), metavar="FILE",
              help="TOML with the colors, ids or attribute of labels, and more.")  # fmt: skip
@bands_option
@resolution
@click.option("--pictures", type=OutPath(), metavar="DIR",
              help="Save class maps; of a checkpoint also the body, edge and fusion maps of its network.")  # fmt: skip
@click.option("--json", "json_file", type=OutPath(), metavar="FILE", help="Also write all scores as JSON.")
@click.option("--report", type=OutPath(), metavar="FILE.html", help="Also write an HTML page.")
@click.option("--records", type=GivenPath(), metavar="FILE.csv",
              help="The records of the training, for the page.  [default: those beside a checkpoint]")  # fmt: skip
@click.option("--scheduler", metavar="ADDRESS|local[:N]", help=_SCHEDULER)
def command(model: str, data: Path, json_file: Path | None, **options: Any) -> None:
    """Score a model on images with labels.

    A model of several tasks is scored on all that DATA has ground truth for: that of further tasks is in a folder of
    the task's name, or in NAME_TASK.tif.

    MODEL is a name from `smalti models`, an .onnx file or the folder of a checkpoint. DATA is a folder of images and
    labels (images/ with masks/, or NAME.tif with NAME_classes.tif), a recipe, or with --dataset a public dataset.

    Below the table the same maps are scored by every protocol in use: full and eroded labels, with and without the
    classes that some leave out, one matrix and means over images.
    """
    from smalti.cli.progress import Bars  # imports what `--help` does not need
    from smalti.workflows.evaluate import evaluate_by
    from smalti.workflows.evaluate_options import EvaluateOptions

    asked = EvaluateOptions(json=json_file, above=dict(options.pop("above")), **options)
    with Bars() as bars:
        found = evaluate_by(model, data, asked, bars)
    click.echo(str(found))
