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
from smalti.datasets.registry import DATASETS, find_dataset, find_split
from smalti.datasets.spec import DatasetSpec
from smalti.errors import DataError
from smalti.report.contact_sheet import Shown, check_sheet_name, write_contact_sheet
from smalti.text import aligned, percent

SHOWN = 12
"""Pairs on a contact sheet."""
LISTED = 20
"""Lines of one kind that are printed."""


def list_all() -> str:
    """All datasets, each with licence and citation."""
    return "\n\n".join(
        f"{dataset.name}  {dataset.title}: {len(dataset.classes)} classes, {dataset.pixel}\n"
        f"  licence   {dataset.licence}\n  citation  {dataset.citation}\n  from      {dataset.url}"
        for dataset in DATASETS.values()
    )


def describe(name: str) -> str:
    """All about one dataset, and the lines of a recipe that use it."""
    dataset = find_dataset(name)
    rows = [
        ("pixel", dataset.pixel),
        ("images", dataset.size),
        *(("bands", f"{', '.join(bands)}: {' or '.join(at)}") for bands, at in dataset.images.items()),
        ("labels", " or ".join(dataset.labels)),
        *([("eroded", " or ".join(dataset.eroded))] if dataset.eroded else []),
        *((kind, f"{' or '.join(values.patterns)}: {values.words}") for kind, values in dataset.values.items()),
        *((f"split {split}", f"{part.images} images; {part.words}") for split, part in dataset.splits.items()),
        *(("note", note) for note in dataset.notes),
        ("licence", dataset.licence),
        ("citation", dataset.citation),
        ("from", dataset.url),
    ]
    width = max(len(key) for key, _ in rows)
    lines = [
        dataset.title,
        *(f"  {key:<{width}}  {text}" for key, text in rows),
        "",
        "in a recipe",
        recipe_part(dataset),
    ]
    return "\n".join(lines)


def recipe_part(dataset: DatasetSpec) -> str:
    """What a recipe says to train on a dataset, as TOML; its images lie in DIR."""
    lines = [
        "[card]",
        f'name = "{dataset.name}"',
        f"bands = {json.dumps(list(next(iter(dataset.images))))}",
        "",
        "[[card.tasks]]",
        f"labels = {json.dumps(list(dataset.classes))}",
        f"colors = {json.dumps(list(dataset.colors))}",
    ]
    for part in ("train", "validation", "test"):
        splits = [name for name, split in dataset.splits.items() if split.role == part and split.labelled]
        if not splits:
            lines += ["", f"# it has no {part} part of its own: choose other images"]
        for split in splits[:1]:
            lines += ["", f"[[data.{part}]]", 'kind = "dataset"', f'name = "{dataset.name}"', 'path = "DIR"']
            lines += [f'split = "{split}"']
    return "\n".join(lines)


def check(name: str, root: Path, split: str | None, sheet: Path) -> None:
    """Prints what a download lacks and holds, and writes the contact sheet.

    Raises DataError where files are missing or cannot be used, when all of that is printed.
    """
    dataset = find_dataset(name)
    if split:
        find_split(dataset, split)
    check_sheet_name(sheet)
    files = check_files(dataset, root, split)
    _say_files(dataset, files)
    if files.missing:
        raise DataError(f"{root}: {dataset.name} is incomplete: {len(files.missing)} missing; see the list above")
    with tqdm(desc="labels", unit="image", disable=None, leave=False) as bar:
        contents = check_contents(dataset, files, lambda image: _advance(bar))
    click.echo("\n".join(_shares(dataset, contents)))
    _list("cannot be used", contents.problems)
    if contents.problems:
        raise DataError(f"{root}: {len(contents.problems)} files of {dataset.name} cannot be used; see the list above")
    write_contact_sheet(sheet, list(_chosen(dataset, files)), dataset.task())
    click.echo(f"contact sheet: {sheet}")


def _advance(bar: "tqdm[None]") -> None:
    bar.update()


def _say_files(dataset: DatasetSpec, files: Files) -> None:
    click.echo(dataset.title)
    for name, search in files.searches.items():
        count = dataset.splits[name].images
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


def _shares(dataset: DatasetSpec, contents: Contents) -> list[str]:
    """The share of each class in each split, and the image sizes."""
    names, counts = list(contents.pixels), list(contents.pixels.values())
    totals = [pixels.sum() for pixels in counts]
    rows = [
        [label, *(percent(pixels[k] / max(1, total)) for pixels, total in zip(counts, totals, strict=True))]
        for k, label in enumerate((*dataset.classes, "(ignored)"))
    ]
    height, width = contents.sizes["height"], contents.sizes["width"]
    table = aligned([["% of pixels", *names], *rows, ["million pixels", *(f"{total / 1e6:.1f}" for total in totals)]])
    ranges = [_said(dataset, name, found) for name, found in contents.values.items()]
    return [*table, *ranges, f"images are {width[0]} to {width[1]} wide and {height[0]} to {height[1]} high"]


def _said(dataset: DatasetSpec, name: str, found: Range) -> str:
    """What values reach from and to, in words."""
    unit = " m" if dataset.values[name].metres is not None else ", in a unit that is not told"
    reach = f"{found.low:.2f} to {found.high:.2f}{unit}" if found.known else "no value at all"
    return f"{name}: {reach}; {percent(found.known / max(1, found.pixels))} % of the pixels have one"


def _chosen(dataset: DatasetSpec, files: Files) -> list[Shown]:
    """Images for the sheet: in turn from every split, spread over it, none twice."""
    each = [list(_spread(dataset, search)) for search in files.searches.values()]
    found: dict[str, Shown] = {}
    for shown in chain.from_iterable(zip_longest(*each)):
        if shown is not None:
            found.setdefault(shown.name, shown)
    return list(islice(found.values(), SHOWN))


def _spread(dataset: DatasetSpec, search: Search) -> list[Shown]:
    opener = make_opener(dataset, search.bands, search.bands, dataset.task())
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
