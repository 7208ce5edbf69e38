"""What `smalti data check` and `smalti data split` do: the user's own folders."""

import shutil
from collections import Counter
from functools import partial
from pathlib import Path

import click
from tqdm import tqdm

from smalti.errors import DataError, OutputError
from smalti.evaluation.own_labels import Survey, remarks, survey
from smalti.evaluation.pairs import find_pairs
from smalti.evaluation.split_places import PARTS, split
from smalti.files import beside, guarded
from smalti.raster.files import sidecars
from smalti.raster.read import open_raster
from smalti.report.contact_sheet import Shown, check_sheet_name, write_contact_sheet
from smalti.text import aligned, count, percent

SHOWN = 12
"""Pairs on a contact sheet."""


def check_own(folder: Path, sheet: Path) -> None:
    """Prints what a folder of images and labels holds, and writes a contact sheet.

    DataError where some cannot be used, when all of that is printed.
    """
    check_sheet_name(sheet)
    pairs = find_pairs(folder)
    with tqdm(desc="labels", unit="image", total=len(pairs), disable=None, leave=False) as bar:
        found = survey(pairs, partial(_advance, bar))
    if found.found:
        click.echo("\n".join([_sizes(found), *_shares(found), *_recipe(found)]))
    for line in remarks(found):
        click.echo(f"look at this: {line}")
    if found.pixels:
        write_contact_sheet(sheet, _spread(found, folder), found.task())
        click.echo(f"contact sheet: {sheet}")
    if found.problems:
        click.echo(f"cannot be used: {len(found.problems)}")
        click.echo("\n".join(f"  {line}" for line in found.problems))
        raise DataError(
            f"{folder}: {len(pairs) - len(found.found)} of {count(len(pairs), 'image')} cannot be used; see above"
        )


def _advance(bar: "tqdm[None]") -> None:
    bar.update()


def _sizes(found: Survey) -> str:
    widths, heights = ([getattr(each.grid, side) for each in found.found] for side in ("width", "height"))
    return (
        f"{count(len(found.found), 'image')} of {found.found[0].kind}, "
        f"{min(widths)} to {max(widths)} wide and {min(heights)} to {max(heights)} high"
    )


def _shares(found: Survey) -> list[str]:
    pixels, total = found.pixels, sum(found.pixels.values())
    holders = Counter(name for each in found.found for name in each.values)
    what = "colour" if found.colored else "value"
    rows = [[name, percent(pixels[name] / total), str(holders[name]), f"{pixels[name]:,}"] for name in found.names()]
    return aligned([[what, "% of pixels", "images", "pixels"], *rows])


def _recipe(found: Survey) -> list[str]:
    """Lines of a recipe for these labels, with names to be changed."""
    names = found.names()
    numbers = all(name.isdigit() for name in names)
    labels = [f"class {name}" if numbers else name.removeprefix("#") for name in names]
    lines = ["", "in a recipe", "[[card.tasks]]", f"labels = {_toml(labels)}"]
    if found.colored:
        lines += ["[card.tasks.label_colors]", *(f'"{name}" = "{name[1:]}"' for name in names)]
    elif numbers and names != [str(k) for k in range(len(names))]:
        ids = ", ".join(f'{name} = "{label}"' for name, label in zip(names, labels, strict=True))
        lines += ["", f"labels.ids = {{ {ids} }}  # in each [[data.train]] and [[data.validation]]"]
    return [*lines, ""]


def _toml(labels: list[str]) -> str:
    return "[" + ", ".join(f'"{label}"' for label in labels) + "]"


def _spread(found: Survey, folder: Path) -> list[Shown]:
    step = max(1, len(found.found) // SHOWN)
    return [
        Shown(str(each.image.relative_to(folder)), partial(open_raster, each.image), found.opener(each))
        for each in found.found[::step][:SHOWN]
    ]


def split_own(folder: Path, out: Path, validation: float, test: float, place: str | None) -> None:
    """Copies a folder of images and labels into OUT/train, OUT/validation and OUT/test, split by place."""
    shares = (1 - validation - test, validation, test)
    if min(shares) < 0 or not shares[0]:
        raise click.UsageError(f"--validation {validation:g} and --test {test:g} leave nothing to train on")
    if out.exists():
        raise OutputError(f"{out}: is there already; choose a new folder")
    pairs = find_pairs(folder)
    how, parts = split(pairs, folder, shares, place)
    unfinished = beside(out, "partial")
    with guarded(out):
        shutil.rmtree(unfinished, ignore_errors=True)  # of a split that was cut short
        for (image, labels), part in zip(pairs, parts, strict=True):
            for path, kind in ((image, "images"), (labels, "masks")):
                _put(path, unfinished / part / kind, folder)
        unfinished.replace(out)
    click.echo(f"split by {how}")
    for part in PARTS:
        if part in parts:
            click.echo(f"{out / part}: {count(parts.count(part), 'image')}")


def _put(path: Path, home: Path, folder: Path) -> None:
    """Copies a file and what belongs to it; names that stood in several folders are told apart by these."""
    home.mkdir(parents=True, exist_ok=True)
    above = path.parent.parent.relative_to(folder) if path.parent != folder else Path()
    prefix = "".join(f"{name}_" for name in above.parts)
    for each in (path, *sidecars(path)):
        shutil.copy2(each, home / f"{prefix}{each.name}")
