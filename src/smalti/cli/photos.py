"""`smalti photos`: a folder of photos comes in, the best of each series comes out; no photo is changed."""

import sys
from pathlib import Path
from typing import Any

import click

from smalti.cli.paths import GivenPath, OutPath
from smalti.cli.verb import Verb
from smalti.errors import RasterError, exit_code, shown

_PATH = GivenPath()


@click.command(name="photos", cls=Verb)
@click.argument("folder", type=_PATH)
@click.option("--report", is_flag=True, help="Also write FOLDER/smalti-photos.html: a page to browse.")
@click.option("--csv", type=OutPath(), metavar="FILE", help="Also write a table, one line per photo.")
@click.option("--xmp", is_flag=True, help="Also write ratings and labels as XMP sidecars beside the photos.")
@click.option("--overwrite-ratings", is_flag=True, help="With --xmp: replace existing ratings and labels.")
@click.option(
    "--copy-picks", "picks", type=OutPath(), metavar="DIR", help="Also copy the best photo of each series to DIR."
)
@click.option(
    "--copy-unrated", is_flag=True, help="With --copy-picks: also photos that stand alone, and brackets as a whole."
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="PATTERN",
    help="Skip files and folders of this name or path, such as 'edited*'.",
)
@click.option("--choices", type=_PATH, metavar="FILE", help="Follow what was decided on the page and saved there.")
@click.option("--model", default="bestshot", show_default=True, help="A name from `smalti models`, or an .onnx file.")
def command(folder: Path, **options: Any) -> None:
    """Find the best photo of each series in FOLDER and below.

    Photos are never moved, changed or deleted. A run that was killed resumes when the same command is given again.
    Where some photos cannot be read the others are ranked, and the exit code is 3.
    """
    from smalti.cli.photo_lines import followed, print_series, print_written, stopped
    from smalti.cli.progress import Bars
    from smalti.cli.quiet import quiet_libraries
    from smalti.workflows.photos import PhotoOptions, rank_folder, write_ranking

    asked = PhotoOptions(**options)
    asked.check(folder)
    with stopped():
        with quiet_libraries(), Bars() as bars:
            ranking = rank_folder(folder, asked, bars)
        print_series(ranking.result, ranking.left_out)
        if ranking.choices is not None:
            click.echo(f"{shown(options['choices'])}: {followed(ranking.result, ranking.choices)}")
        print_written(write_ranking(ranking, asked), asked)
    click.echo(ranking.result.how)
    if ranking.unread:
        sys.exit(exit_code(RasterError()))
