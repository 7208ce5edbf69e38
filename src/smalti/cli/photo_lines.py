"""What `smalti photos` prints."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click

from smalti.cli import INTERRUPTED
from smalti.errors import shown
from smalti.photos.listing import left_out_line
from smalti.photos.photo import RankedFolder, Series
from smalti.photos.rank import DUPLICATE
from smalti.text import count
from smalti.workflows.photos import PhotoOptions, PhotoRanking, WrittenFiles


@contextmanager
def stopped() -> Iterator[None]:
    """Reports after Ctrl-C that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("smalti: stopped; the photos ranked so far are cached, and the same command resumes", err=True)
        sys.exit(INTERRUPTED)


def print_ranking(ranking: PhotoRanking, options: PhotoOptions, *, named: bool) -> None:
    """All about one folder; `named` among several."""
    if named:
        click.echo(f"{shown(ranking.folder)}:")
    print_series(ranking.result, ranking.left_out)
    if ranking.choices is not None and options.choices is not None:
        click.echo(f"{shown(options.choices)}: {followed(ranking.result, ranking.choices)}")
    print_written(ranking.written, options)
    click.echo(ranking.result.how)


def print_series(result: RankedFolder, left_out: Mapping[str, int]) -> None:
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
    """The picks of a series in which a person made choices."""
    picks = [ranked for ranked in series.ranked if ranked.verdict == "pick"]
    names = ", ".join(shown(ranked.photo.path.name) for ranked in picks)
    how = "your choice" if any(ranked.chosen for ranked in picks) else "the best of those you left"
    return f"{names or shown(series.name)}: {how if picks else 'you left no pick'}, of {len(series.ranked)}"


def followed(result: RankedFolder, number: int) -> str:
    """How many of the choices in a file were applied."""
    found = result.choices.values()
    verdicts = sum(choice.verdict is not None for choice in found)
    made = len({choice.series for choice in found if choice.series is not None})
    missing = number - len(found)
    parts = [count(verdicts, "verdict")]
    parts += [f"{made} series made by hand"] if made else []
    parts += [f"{count(missing, 'choice')} about photos that are not here"] if missing else []
    return ", ".join(parts)


def print_written(written: WrittenFiles, options: PhotoOptions) -> None:
    """A line for each output."""
    if written.csv:
        click.echo(shown(written.csv))
    if written.kept_ratings:
        click.echo(f"kept existing ratings and labels: {written.kept_ratings:,} (see --overwrite-ratings)")
    if options.picks:
        click.echo(f"{shown(options.picks)}: {count(len(written.copies), 'file')} copied")
        if former := [shown(copy.name) for copy in written.former]:
            click.echo(f"{shown(options.picks)}: copied before, no longer a pick, not removed: {', '.join(former)}")
    if written.page:
        click.echo(shown(written.page))
