"""What `smalti photos` does: ranks a folder, tells the result, and writes what else was asked for."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from smalti.cli.progress import bar
from smalti.jobs import guarded
from smalti.photos.choices import read_choices
from smalti.photos.cues import CUES
from smalti.photos.files import shown
from smalti.photos.listing import MARK, list_photos
from smalti.photos.photo import Result, Series
from smalti.photos.run import Keep, rank_photos
from smalti.photos.thumbs import keep_thumb, thumbs_of
from smalti.runtime.ranker import open_ranker

PAGE = "smalti-photos.html"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for beside the folder."""

    report: bool
    csv: Path | None
    xmp: bool
    picks: Path | None
    choices: Path | None
    model: str


def rank_folder(folder: Path, options: Options) -> Result:
    """Ranks a folder and writes what was asked for; returns the result, whose `unread` were told as one line each."""
    if options.picks is not None and options.picks.resolve() == folder.resolve():
        raise click.UsageError(f"--copy-picks {options.picks}: is the folder of the photos itself; give another one")
    choices = read_choices(options.choices) if options.choices else ()
    shots = list_photos(folder, [options.picks] if options.picks else [])
    ranker = open_ranker(options.model, CUES, threads=1)  # one: two photos are looked at side by side
    with bar(len(shots), "photo", folder.name) as progress:
        keep = _keep(folder) if options.report else lambda *_: None
        result = rank_photos(folder, shots, ranker, progress, keep, choices)
    for series in result.series:
        click.echo(_line(series))
    for unread in result.unread:
        click.echo(f"smalti: {shown(unread.path)}: {shown(unread.reason)}", err=True)
    if options.choices:
        click.echo(f"{shown(options.choices)}: {_followed(result, len(choices))}")
    _write(result, folder, options)
    click.echo(result.how)
    return result


def _line(series: Series) -> str:
    """The pick, of how many, and what is wrong with the others."""
    if any(ranked.chosen for ranked in series.ranked):
        return _chosen_line(series)
    pick, *others = series.ranked
    name = shown(pick.photo.path.name)
    if not others:
        return f"{name}: alone"
    faults = Counter(reason for ranked in others for reason in ranked.reasons)
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
        from smalti.photos.xmp import write_sidecars

        for left in write_sidecars(result):
            click.echo(f"warning: {shown(left.path)}: {shown(left.reason)}", err=True)
    if options.picks:
        from smalti.photos.picks import copy_picks

        _mark(options.picks, folder)
        click.echo(f"{shown(options.picks)}: {len(copy_picks(result, options.picks))} files copied")
    if options.report:
        from smalti.photos.page import write_page

        write_page(result, folder / PAGE)
        click.echo(shown(folder / PAGE))


def _keep(folder: Path) -> Keep:
    """Makes the page's thumbnails of photos while they are decoded anyway."""
    thumbs = thumbs_of(folder / PAGE)
    _mark(thumbs, folder)
    return partial(keep_thumb, thumbs)


def _mark(place: Path, folder: Path) -> None:
    """Marks a folder of ours among the photos, so that the next run leaves it out."""
    if not place.resolve().is_relative_to(folder.resolve()):
        return
    with guarded(place):
        place.mkdir(parents=True, exist_ok=True)
        (place / MARK).touch()
