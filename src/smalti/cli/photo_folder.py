"""What `smalti photos` does: ranks a folder, tells the result, and writes what else was asked for."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from smalti.cli.photo_outputs import check_page, check_picks, check_table
from smalti.cli.progress import Bars
from smalti.cli.quiet import quiet_libraries
from smalti.errors import shown
from smalti.jobs import guarded
from smalti.photos.choices import read_choices
from smalti.photos.cues import CUES
from smalti.photos.listing import left_out_line, note_copy, note_folder, survey
from smalti.photos.photo import Photo, Result, Series
from smalti.photos.rank import DUPLICATE
from smalti.photos.read import Pixels
from smalti.photos.renditions import Renditions
from smalti.photos.run import Keep, rank_photos
from smalti.photos.thumbs import keep_thumb, thumbs_of
from smalti.runtime.ranker import open_ranker
from smalti.workflows.progress import Meter

PAGE = "smalti-photos.html"
STOPPED = 130
"""The exit code after Ctrl-C, as shells have it."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for beside the folder."""

    report: bool
    csv: Path | None
    xmp: bool
    overwrite_ratings: bool
    picks: Path | None
    copy_unrated: bool
    exclude: tuple[str, ...]
    choices: Path | None
    model: str


def rank_folder(folder: Path, options: Options) -> Result:
    """Ranks a folder and writes what was asked for; returns the result, whose `unread` were told as one line each."""
    _check(folder, options)
    with _stopped():
        return _rank_and_write(folder, options)


def _rank_and_write(folder: Path, options: Options) -> Result:
    choices = read_choices(options.choices) if options.choices else ()
    listing = survey(folder, options.exclude)
    ranker = open_ranker(options.model, CUES, threads=1)  # one: two photos are looked at side by side
    total = len(listing.shots)
    keep = _keep(folder) if options.report else lambda *_: None
    with quiet_libraries(), Bars() as bars:
        looked, grouped = Meter(bars, folder.name, total, "photo"), Meter(bars, "grouping", total, "photo")
        result = rank_photos(folder, listing.shots, ranker, looked, keep, choices, grouped)
    _tell(result, listing.left_out)
    if options.choices:
        click.echo(f"{shown(options.choices)}: {_followed(result, len(choices))}")
    _write(result, folder, options)
    click.echo(result.how)
    return result


def _check(folder: Path, options: Options) -> None:
    """Refuses outputs that cannot be, before a photo is looked at."""
    if options.overwrite_ratings and not options.xmp:
        raise click.UsageError("--overwrite-ratings says what --xmp does; give both")
    if options.copy_unrated and not options.picks:
        raise click.UsageError("--copy-unrated says what --copy-picks does; give both")
    if options.picks:
        check_picks(options.picks, folder)
    if options.csv:
        check_table(options.csv)
    if options.report:
        check_page(folder / PAGE)


@contextmanager
def _stopped() -> Iterator[None]:
    """Says after Ctrl-C that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("smalti: stopped; what was looked at is kept, and the same command goes on from here", err=True)
        sys.exit(STOPPED)


def _tell(result: Result, left_out: Mapping[str, int]) -> None:
    """A line per series, one for all photos that stand alone, one for what was left out, and one per file not read."""
    alone = sum(series.kind == "single" for series in result.series)
    for series in result.series:
        if series.kind != "single":
            click.echo(_line(series))
    if alone:
        click.echo(f"{alone:,} {'photos stand' if alone > 1 else 'photo stands'} alone: compared with none, not rated")
    if left_out:
        click.echo(f"left out: {left_out_line(left_out)}")
    for unread in result.unread:
        click.echo(f"smalti: {shown(unread.path)}: {shown(unread.reason)}", err=True)


def _line(series: Series) -> str:
    """The pick, of how many, and what is wrong with the others."""
    if any(ranked.chosen for ranked in series.ranked):
        return _chosen_line(series)
    pick, *others = series.ranked
    name = shown(pick.photo.path.name)
    if series.kind != "series":
        return f"{name}: {series.kind} of {len(series.ranked)}, kept whole"
    reasons = (reason for ranked in others for reason in ranked.reasons)
    faults = Counter("duplicate" if reason.startswith(DUPLICATE) else reason for reason in reasons)
    close = [shown(ranked.photo.path.name) for ranked in others if ranked.close]
    why = [f"{number} {fault}" for fault, number in faults.items()]
    why += [f"too close to call: {', '.join(close)}"] if close else []
    return f"{name}: best of {len(series.ranked)}" + (f" ({'; '.join(why)})" if why else "")


def _chosen_line(series: Series) -> str:
    """The picks of a series about which a person decided."""
    picks = [ranked for ranked in series.ranked if ranked.verdict == "pick"]
    names = ", ".join(shown(ranked.photo.path.name) for ranked in picks)
    how = "your choice" if any(ranked.chosen for ranked in picks) else "the best of those you left"
    return f"{names or shown(series.name)}: {how if picks else 'you left no pick'}, of {len(series.ranked)}"


def _followed(result: Result, number: int) -> str:
    """How many of the choices in a file were followed."""
    found = result.choices.values()
    verdicts = sum(choice.verdict is not None for choice in found)
    made = len({choice.series for choice in found if choice.series is not None})
    missing = number - len(found)
    parts = [f"{verdicts} verdict{'s' * (verdicts != 1)}"]
    parts += [f"{made} series made by hand"] if made else []
    parts += [f"{missing} choice{'s' * (missing != 1)} about photos that are not here"] if missing else []
    return ", ".join(parts)


def _write(result: Result, folder: Path, options: Options) -> None:
    if options.csv:
        from smalti.photos.tables import write_csv

        write_csv(result, options.csv)
        click.echo(shown(options.csv))
    if options.xmp:
        from smalti.photos.sidecars import write_sidecars

        written = write_sidecars(result, overwrite=options.overwrite_ratings)
        for left in written.left:
            click.echo(f"warning: {shown(left.path)}: {shown(left.reason)}", err=True)
        if written.kept:
            click.echo(f"kept the ratings and labels that are there: {written.kept:,} (see --overwrite-ratings)")
    if options.picks:
        from smalti.photos.picks import copy_picks, no_longer_picks

        copies = copy_picks(result, options.picks, unrated=options.copy_unrated, made=note_copy)
        click.echo(f"{shown(options.picks)}: {len(copies)} files copied")
        former = [shown(copy.name) for copy in no_longer_picks(result, options.picks)]
        if former:
            click.echo(f"{shown(options.picks)}: copied before, no pick any more, left there: {', '.join(former)}")
    if options.report:
        from smalti.photos.page import write_page

        write_page(result, folder / PAGE)
        click.echo(shown(folder / PAGE))


def _keep(folder: Path) -> Keep:
    """Makes the page's pictures of photos while they are decoded anyway."""
    place = thumbs_of(folder / PAGE)
    with guarded(place):
        place.mkdir(parents=True, exist_ok=True)
        note_folder(place)
    renditions = Renditions(place)

    def keep(photo: Photo, picture: Pixels) -> None:
        keep_thumb(place, photo, picture)
        renditions.keep(photo, picture)

    return keep
