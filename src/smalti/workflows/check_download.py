"""A download of a public dataset, compared with its description."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice, zip_longest
from pathlib import Path

from smalti.datasets.check import Contents, Files, check_contents, check_files
from smalti.datasets.check_values import Range, open_plain
from smalti.datasets.index import Search
from smalti.datasets.reader import make_opener
from smalti.datasets.registry import find_dataset, find_split
from smalti.datasets.spec import DatasetSpec
from smalti.report.contact_sheet import SHOWN, Shown, check_sheet, write_contact_sheet
from smalti.text import aligned, percent
from smalti.workflows.progress import Meter, Show

LISTED = 20
"""Lines of one kind in the text."""


@dataclass(frozen=True)
class DownloadCheck:
    """The missing files and the contents of a download; its text lists all of them."""

    dataset: DatasetSpec
    files: Files
    contents: Contents | None
    """The contents of the labels; None if files are missing."""
    sheet: Path | None
    """The contact sheet; None if files are missing or unusable."""

    def __str__(self) -> str:
        lines = _files_text(self.dataset, self.files)
        if self.contents is not None:
            lines += [*_shares(self.dataset, self.contents), *_list("cannot be used", self.contents.problems)]
        return "\n".join([*lines, f"contact sheet: {self.sheet}"] if self.sheet else lines)


def check_download(
    name: str, root: Path, split: str | None, *, sheet: Path, progress: Show | None = None
) -> DownloadCheck:
    """Searches all files of a dataset below `root`, or of one split, reads its labels, and writes a contact sheet.

    Raises DataError for an unknown dataset or split, or a missing folder; OutputError if the sheet cannot be written.
    Missing and unusable files are in the result.
    """
    dataset = find_dataset(name)
    if split:
        find_split(dataset, split)
    check_sheet(sheet)
    files = check_files(dataset, root, split)
    if files.missing:
        return DownloadCheck(dataset, files, None, None)
    places = {item.place for search in files.searches.values() for item in search.items}
    meter = Meter(progress, "labels", len(places), "images")
    contents = check_contents(dataset, files, lambda image: meter(1))
    if contents.problems:
        return DownloadCheck(dataset, files, contents, None)
    write_contact_sheet(sheet, list(_chosen(dataset, files)), dataset.task())
    return DownloadCheck(dataset, files, contents, sheet)


def _files_text(dataset: DatasetSpec, files: Files) -> list[str]:
    lines = [dataset.title]
    for name, search in files.searches.items():
        count = dataset.splits[name].images
        state = f"{len(search.missing)} missing" if search.missing else f"complete, {', '.join(search.bands)}"
        lines.append(f"  {name}: {count} images, {state}")
    for what, (found, total) in files.optional.items():
        lines.append(f"  {what}: {found} of {total} (nothing depends on them)")
    lines += _list("missing", files.missing)
    lines += _list("heights or depths missing, which only tasks of values need", files.lacking)
    return lines + _list("extra", [path.as_posix() for path in files.extra])


def _list(what: str, lines: Sequence[str]) -> list[str]:
    """The number of items of a kind, and the first of them."""
    text = [f"{what}: {len(lines)}", *(f"  {line}" for line in lines[:LISTED])] if lines else []
    return [*text, f"  and {len(lines) - LISTED} more"] if len(lines) > LISTED else text


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
    """The range of values, as text."""
    unit = " m" if dataset.values[name].metres is not None else ", in an unknown unit"
    reach = f"{found.low:.2f} to {found.high:.2f}{unit}" if found.known else "no value at all"
    return f"{name}: {reach}; {percent(found.known / max(1, found.pixels))} % of the pixels have one"


def _chosen(dataset: DatasetSpec, files: Files) -> list[Shown]:
    """Images for the sheet: in turn from every split, evenly spread, no image twice."""
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
