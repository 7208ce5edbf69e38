"""What `smalti data` does."""

import json
from collections.abc import Sequence
from functools import partial
from itertools import chain, islice, zip_longest
from pathlib import Path

import click
from tqdm import tqdm

from smalti.datasets.check import Contents, Files, check_contents, check_files
from smalti.datasets.check_values import Range, open_plain
from smalti.datasets.index import Search
from smalti.datasets.reader import make_opener
from smalti.datasets.registry import KNOWN, find_known, find_split
from smalti.datasets.spec import Known
from smalti.errors import DataError
from smalti.report.contact_sheet import Shown, check_sheet_name, write_contact_sheet
from smalti.text import aligned, percent

SHOWN = 12
"""Pairs on a contact sheet."""
LISTED = 20
"""Lines of one kind that are printed."""


def list_all() -> str:
    """All data sets, each with licence and citation."""
    return "\n\n".join(
        f"{known.name}  {known.title}: {len(known.classes)} classes, {known.pixel}\n"
        f"  licence   {known.licence}\n  citation  {known.citation}\n  from      {known.url}"
        for known in KNOWN.values()
    )


def describe(name: str) -> str:
    """All about one data set, and the lines of a recipe that use it."""
    known = find_known(name)
    rows = [
        ("pixel", known.pixel),
        ("images", known.size),
        *(("bands", f"{', '.join(bands)}: {' or '.join(at)}") for bands, at in known.images.items()),
        ("labels", " or ".join(known.labels)),
        *([("eroded", " or ".join(known.eroded))] if known.eroded else []),
        *((kind, f"{' or '.join(values.patterns)}: {values.words}") for kind, values in known.values.items()),
        *((f"split {split}", f"{part.images} images; {part.words}") for split, part in known.splits.items()),
        *(("note", note) for note in known.notes),
        ("licence", known.licence),
        ("citation", known.citation),
        ("from", known.url),
    ]
    width = max(len(key) for key, _ in rows)
    lines = [known.title, *(f"  {key:<{width}}  {text}" for key, text in rows), "", "in a recipe", recipe_part(known)]
    return "\n".join(lines)


def recipe_part(known: Known) -> str:
    """What a recipe says to train on a data set, as TOML; its images lie in DIR."""
    lines = [
        "[card]",
        f'name = "{known.name}"',
        f"bands = {json.dumps(list(next(iter(known.images))))}",
        "",
        "[[card.tasks]]",
        f"labels = {json.dumps(list(known.classes))}",
        f"colors = {json.dumps(list(known.colors))}",
    ]
    for part in ("train", "validation", "test"):
        splits = [name for name, split in known.splits.items() if split.role == part and split.labelled]
        if not splits:
            lines += ["", f"# it has no {part} part of its own: choose other images"]
        for split in splits[:1]:
            lines += ["", f"[[data.{part}]]", 'kind = "known"', f'name = "{known.name}"', 'path = "DIR"']
            lines += [f'split = "{split}"']
    return "\n".join(lines)


def check(name: str, root: Path, split: str | None, sheet: Path) -> None:
    """Prints what a download lacks and holds, and writes the contact sheet.

    Raises DataError where files are missing or cannot be used, when all of that is printed.
    """
    known = find_known(name)
    if split:
        find_split(known, split)
    check_sheet_name(sheet)
    files = check_files(known, root, split)
    _say_files(known, files)
    if files.missing:
        raise DataError(f"{root}: {known.name} is incomplete: {len(files.missing)} missing; see the list above")
    with tqdm(desc="labels", unit="image", disable=None, leave=False) as bar:
        contents = check_contents(known, files, lambda image: _advance(bar))
    click.echo("\n".join(_shares(known, contents)))
    _list("cannot be used", contents.problems)
    if contents.problems:
        raise DataError(f"{root}: {len(contents.problems)} files of {known.name} cannot be used; see the list above")
    write_contact_sheet(sheet, list(_chosen(known, files)), known.task())
    click.echo(f"contact sheet: {sheet}")


def _advance(bar: "tqdm[None]") -> None:
    bar.update()


def _say_files(known: Known, files: Files) -> None:
    click.echo(known.title)
    for name, search in files.searches.items():
        count = known.splits[name].images
        state = f"{len(search.missing)} missing" if search.missing else f"complete, {', '.join(search.bands)}"
        click.echo(f"  {name}: {count} images, {state}")
    for what, (found, total) in files.optional.items():
        click.echo(f"  {what}: {found} of {total} (nothing depends on them)")
    _list("missing", files.missing)
    _list("heights or depths missing, which only tasks of values need", files.lacking)
    _list("extra", [path.as_posix() for path in files.extra])


def _list(what: str, lines: Sequence[str]) -> None:
    if lines:
        click.echo(f"{what}: {len(lines)}")
        click.echo("\n".join(f"  {line}" for line in lines[:LISTED]))
    if len(lines) > LISTED:
        click.echo(f"  and {len(lines) - LISTED} more")


def _shares(known: Known, contents: Contents) -> list[str]:
    """The share of each class in each split, and the image sizes."""
    names, counts = list(contents.pixels), list(contents.pixels.values())
    totals = [pixels.sum() for pixels in counts]
    rows = [
        [label, *(percent(pixels[k] / max(1, total)) for pixels, total in zip(counts, totals, strict=True))]
        for k, label in enumerate((*known.classes, "(ignored)"))
    ]
    height, width = contents.sizes["height"], contents.sizes["width"]
    table = aligned([["% of pixels", *names], *rows, ["million pixels", *(f"{total / 1e6:.1f}" for total in totals)]])
    ranges = [_said(known, name, found) for name, found in contents.values.items()]
    return [*table, *ranges, f"images are {width[0]} to {width[1]} wide and {height[0]} to {height[1]} high"]


def _said(known: Known, name: str, found: Range) -> str:
    """What values reach from and to, in words."""
    unit = " m" if known.values[name].metres is not None else ", in a unit that is not told"
    reach = f"{found.low:.2f} to {found.high:.2f}{unit}" if found.known else "no value at all"
    return f"{name}: {reach}; {percent(found.known / max(1, found.pixels))} % of the pixels have one"


def _chosen(known: Known, files: Files) -> list[Shown]:
    """Images for the sheet: in turn from every split, spread over it, none twice."""
    each = [list(_spread(known, search)) for search in files.searches.values()]
    found: dict[str, Shown] = {}
    for shown in chain.from_iterable(zip_longest(*each)):
        if shown is not None:
            found.setdefault(shown.name, shown)
    return list(islice(found.values(), SHOWN))


def _spread(known: Known, search: Search) -> list[Shown]:
    opener = make_opener(known, search.bands, search.bands, known.task())
    step = max(1, len(search.items) // SHOWN)
    return [
        Shown(
            item.id,
            partial(opener.image, item),
            partial(opener.labels, item),
            partial(open_plain, opener, item, name) if (name := next(iter(item.values), None)) else None,
        )
        for item in search.items[::step]
    ]
