"""A folder of the user's own images and labels, checked before anything is declared about them."""

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from smalti.arguments import checked
from smalti.errors import about
from smalti.evaluation.own_labels import IGNORED, Survey, is_number, remarks, survey
from smalti.evaluation.pairs import find_pairs
from smalti.raster.read import open_raster
from smalti.report.contact_sheet import SHOWN, Shown, check_sheet, write_contact_sheet
from smalti.text import aligned, count, percent
from smalti.workflows.paths import path_if_given
from smalti.workflows.progress import Meter, Show
from smalti.workflows.settings import as_toml


@dataclass(frozen=True)
class DataCheck:
    """The contents of a folder of images and labels; its text has a table, findings, and lines of a recipe."""

    folder: Path
    images: int
    """Pairs of an image and its labels."""
    survey: Survey = field(repr=False, hash=False)
    """The values in the labels of each pair."""
    remarks: tuple[str, ...]
    """Suspicious findings, a line each."""
    sheet: Path | None
    """The contact sheet; None if none was requested, or no label could be read."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Why pairs cannot be used, a line each."""
        return self.survey.problems

    @property
    def unusable(self) -> int:
        """Pairs that cannot be used."""
        return self.images - len(self.survey.found)

    def __str__(self) -> str:
        found = self.survey
        lines = [_sizes(found), *_shares(found), *_recipe(found)] if found.found else []
        lines += [f"check this: {line}" for line in self.remarks]
        if self.sheet is not None:
            lines.append(f"contact sheet: {self.sheet}")
        if self.problems:
            lines += [f"cannot be used: {len(self.problems)}", *(f"  {line}" for line in self.problems)]
        return "\n".join(lines)


@checked()
def check_data(folder: str | Path, *, sheet: str | Path | None = None, progress: Show | None = None) -> DataCheck:
    """Checks a folder of images and labels: sizes, dtypes, and the share of each value or colour in the labels.

    Args:
        folder: images/ with masks/, or NAME.tif with NAME_classes.tif, at any depth.
        sheet: Where a contact sheet of images beside labels is written, .jpg or .png; None writes none.
        progress: Called with a `Progress` after each image, in the caller's thread.

    Returns:
        The findings. Unusable pairs are its `problems`, and raise no error.

    Raises:
        DataError: There is no image with labels.
        OutputError: The contact sheet cannot be written.
    """
    folder, sheet = Path(folder), path_if_given(sheet)
    if sheet is not None:
        check_sheet(sheet)
    with about(folder):
        pairs = find_pairs(folder)
    meter = Meter(progress, "labels", len(pairs), "images")
    found = survey(pairs, partial(meter, 1))
    findings = tuple(remarks(found))
    if sheet is None or not found.pixels:
        return DataCheck(folder, len(pairs), found, findings, None)
    write_contact_sheet(sheet, _spread(found, folder), found.task())
    return DataCheck(folder, len(pairs), found, findings, sheet)


def _sizes(found: Survey) -> str:
    widths, heights = ([getattr(each.grid, side) for each in found.found] for side in ("width", "height"))
    return (
        f"{count(len(found.found), 'image')} of {found.found[0].kind}, {_range(widths)} wide and {_range(heights)} high"
    )


def _range(sizes: list[int]) -> str:
    least, most = min(sizes), max(sizes)
    return str(least) if least == most else f"{least} to {most}"


def _shares(found: Survey) -> list[str]:
    pixels, total = found.pixels, sum(found.pixels.values())
    holders = Counter(name for each in found.found for name in each.values)
    what = "colour" if found.colored else "value"
    called = {value: f"{value} {' or '.join(sorted(names))}" for value, names in found.class_names().items()}
    rows = [
        [called.get(name, name), percent(pixels[name] / total), str(holders[name]), f"{pixels[name]:,}"]
        for name in found.names()
    ]
    return aligned([[what, "% of pixels", "images", "pixels"], *rows])


def _recipe(found: Survey) -> list[str]:
    """Lines of a recipe for these labels, with names to be changed."""
    if not (names := found.names()):
        return []
    numbers = all(map(is_number, names))
    called = found.class_names()
    if numbers:  # a class without a pixel is a class, too
        names = sorted({*names, *called} - ({IGNORED} if found.ignored() else set()), key=int)
    labels = [
        min(called[name]) if len(called.get(name, ())) == 1 else f"class {name}" if numbers else name.removeprefix("#")
        for name in names
    ]
    lines = ["", "in a recipe", "[[card.tasks]]", f"labels = {as_toml(labels)}"]
    if found.colored:
        lines += ["[card.tasks.label_colors]", *(f'"{name}" = "{name[1:]}"' for name in names)]
    elif numbers and (found.nodata() or names != [str(k) for k in range(len(names))]):
        ids = ", ".join(f'{name} = "{label}"' for name, label in zip(names, labels, strict=True))
        lines += ["", f"labels.ids = {{ {ids} }}  # in each [[data.train]] and [[data.validation]]"]
    return [*lines, ""]


def _spread(found: Survey, folder: Path) -> list[Shown]:
    step = max(1, len(found.found) // SHOWN)
    return [
        Shown(str(each.image.relative_to(folder)), partial(open_raster, each.image), found.opener(each))
        for each in found.found[::step][:SHOWN]
    ]
