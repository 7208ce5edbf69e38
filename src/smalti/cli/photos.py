"""`smalti photos`: a folder of photos comes in, the best of each series comes out; no photo is changed."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from smalti.cli.paths import GivenPath, OutPath
from smalti.cli.verb import Verb
from smalti.errors import RasterError, exit_code

if TYPE_CHECKING:
    from smalti.cli.progress import Bars
    from smalti.errors import SmaltiError
    from smalti.workflows.photos import PhotoRanking

_PATH = GivenPath()
_SCHEDULER = "Rank folders on the workers of a Dask scheduler, or on N processes of this machine."


@click.command(name="photos", cls=Verb)
@click.argument("folder", type=_PATH, nargs=-1, required=True)
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
@click.option("--shard", metavar="I/N", help="Rank only every N-th FOLDER, from number I on: 0/8 to 7/8 are all.")
@click.option("--scheduler", metavar="ADDRESS|local[:N]", help=_SCHEDULER)
def command(folder: tuple[Path, ...], shard: str | None, scheduler: str | None, **options: Any) -> None:
    """Find the best photo of each series in FOLDER and below; several are ranked each by itself.

    Photos are never moved, changed or deleted. A run that was killed resumes when the same command is given again.
    Where some photos cannot be read the others are ranked, and the exit code is 3.
    """
    from smalti.cli.photo_lines import print_ranking, stopped
    from smalti.cli.progress import Bars
    from smalti.workflows.photo_folders import rank_folders
    from smalti.workflows.photos import PhotoOptions, PhotoRanking

    asked, codes = PhotoOptions(**options), set[int]()
    with stopped(), Bars() as bars:
        rankings = rank_folders(folder, asked, shard=shard, scheduler=scheduler, progress=bars)
        for found in _quietly(rankings, bars):
            if isinstance(found, PhotoRanking):
                print_ranking(found, asked, named=len(folder) > 1)
                codes |= {exit_code(RasterError())} if found.unread else set()
            elif len(folder) == 1:
                raise found
            else:
                click.echo(f"smalti: {found}", err=True)
                codes.add(exit_code(found))
    if codes:
        sys.exit(codes.pop() if len(codes) == 1 else 1)


def _quietly(rankings: "Iterator[PhotoRanking | SmaltiError]", bars: "Bars") -> "Iterator[PhotoRanking | SmaltiError]":
    """The ranking of each folder; libraries print nothing while it is made."""
    from smalti.cli.quiet import quiet_libraries

    while True:
        with quiet_libraries():
            try:
                found = next(rankings, None)
            finally:
                bars.close()
        if found is None:
            return
        yield found
