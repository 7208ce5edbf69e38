"""The page of a folder of photos: one row per series, best first, to review and overrule by keyboard.

The page loads nothing from the network, and its content security policy enforces that: only its own script and style,
by their hashes, may run, and pictures come from beside it. Choices stay in the browser's storage, by the content of the
photos, and can be saved as a file that `photos.choices` reads, as CSV or as a list of files. Thumbnails lie in
NAME_files beside NAME.html, so that a thousand photos load only as they come into view; the photos themselves are
linked, not copied, except those that browsers cannot show. All paths are relative to the page.
"""

import base64
import hashlib
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from smalti import __version__
from smalti.errors import shown
from smalti.files import deliver
from smalti.photos.files import link
from smalti.photos.group import when
from smalti.photos.photo import Kind, Photo, Ranked, RankedFolder, Series, Verdict
from smalti.photos.rank import ALTERNATE, CLOSE
from smalti.photos.renditions import Full, Renditions
from smalti.photos.tables import COLUMNS, rows, taken
from smalti.photos.thumbs import thumbs_of, write_thumbs

_COMPARED: set[Verdict] = {"alternate", "reject"}
_KINDS: dict[Kind, str] = {
    "exposure bracket": "exposure bracket, kept whole",
    "focus stack": "focus stack, kept whole",
}


@dataclass(frozen=True)
class PhotoView:
    """A photo on the page, as text ready to print."""

    row: int
    name: str
    about: str
    verdict: str
    chosen: bool
    thumb: str
    full: str
    note: str
    score: str
    beats: str
    close: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class SeriesView:
    """A series on the page."""

    name: str
    kind: str
    """Note on its kind; "" for a plain series."""
    about: str
    cards: tuple[PhotoView, ...]

    @property
    def close(self) -> bool:
        """Whether another photo and the pick are too close to call."""
        return any(card.close for card in self.cards)


def write_page(result: RankedFolder, path: Path, base: Path | None = None) -> None:
    """Writes the page to `path`, and its pictures to NAME_files beside it; OutputError if they cannot be written.

    The photos are named and linked as from the folder `base`, by default the page's own; a page that lies elsewhere
    needs a server that finds them there.
    """
    base = base or path.parent
    photos = [ranked.photo for series in result.series for ranked in series.ranked]
    names = write_thumbs(photos, thumbs_of(path))
    renditions = Renditions(thumbs_of(path))
    renditions.keep_only(photos)
    pictures = _Pictures(
        base,
        {sha256: link(thumbs_of(path) / name, path.parent) for sha256, name in names.items()},
        {photo.path: _full(renditions.full(photo), path, base) for photo in photos},
    )
    strips = _strips(result, pictures)
    page = _render(
        title=_title(photos),
        strips=[strip for strip in strips if len(strip.cards) > 1],
        alone=[strip for strip in strips if len(strip.cards) == 1],
        photos=len(photos),
        unread=[(_beside(unread.path, base), shown(unread.reason)) for unread in result.unread],
        model=shown(result.model),
        how=shown(result.how),
        data=_data(result, path.stem, base),
    )
    deliver(path, page.encode())


def _full(full: Full, page: Path, base: Path) -> tuple[str, str]:
    """The link to a photo in full size, empty if there is none, and a note."""
    if full.path is None:
        return "", full.note
    made = full.path.is_relative_to(thumbs_of(page))
    return link(full.path, page.parent if made else base), full.note


def _data(result: RankedFolder, name: str, base: Path) -> dict[str, Any]:
    """The data for the script: the table, and what choices, manual series and lists need."""
    ranked = [one for series in result.series for one in series.ranked]
    order = {photo.path: k for k, photo in enumerate(sorted((one.photo for one in ranked), key=when))}
    return {
        "name": shown(name),
        "limits": {"close": CLOSE, "alternate": ALTERNATE},
        "columns": COLUMNS,
        "rows": rows(_relative(result, base)),
        "photos": [
            {
                "content": one.photo.content,
                "files": [_beside(file, base) for file in (one.photo.path, *_others(one.photo))],
                "when": order[one.photo.path],
                "score": one.look.score,
                "verdict": one.proposed or one.verdict,
            }
            for one in ranked
        ],
        "choices": [asdict(choice) for choice in result.choices.values()],
    }


def _others(photo: Photo) -> list[Path]:
    return [file for file in photo.files if file != photo.path]


def _beside(path: Path, folder: Path) -> str:
    """A path as written on a page in `folder`."""
    return shown(Path(os.path.relpath(path, folder)).as_posix())


def _relative(result: RankedFolder, folder: Path) -> RankedFolder:
    """The result with the photos' paths relative to `folder`."""

    def moved(ranked: Ranked) -> Ranked:
        return replace(ranked, photo=replace(ranked.photo, path=Path(os.path.relpath(ranked.photo.path, folder))))

    return replace(
        result,
        series=tuple(replace(series, ranked=tuple(map(moved, series.ranked))) for series in result.series),
    )


def _render(**values: Any) -> str:
    """The page with its values, all escaped."""
    environment = Environment(
        loader=PackageLoader("smalti.photos"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates = files("smalti.photos") / "templates"
    style, script = ((templates / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    return environment.get_template("page.html").render(
        version=__version__,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        **values,
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _title(photos: Sequence[Photo]) -> str:
    if not photos:
        return "No photos"
    folder = Path(os.path.commonpath([photo.path.absolute().parent for photo in photos])).name
    return f"Photos in {shown(folder)}" if folder else "Photos"


@dataclass(frozen=True)
class _Pictures:
    """Where the pictures of photos are, for a page that names them as from `folder`."""

    folder: Path
    thumbs: dict[str, str]
    """Links by SHA-256."""
    full: dict[Path, tuple[str, str]]
    """Links, and notes, by `Photo.path`."""


def _strips(result: RankedFolder, pictures: _Pictures) -> list[SeriesView]:
    strips: list[SeriesView] = []
    row = 0
    for series in result.series:
        cards = [_card(ranked, row + k, pictures) for k, ranked in enumerate(series.ranked)]
        strips.append(SeriesView(shown(series.name), _KINDS.get(series.kind, ""), _span(series), tuple(cards)))
        row += len(cards)
    return strips


def _card(ranked: Ranked, row: int, pictures: _Pictures) -> PhotoView:
    photo = ranked.photo
    full, note = pictures.full[photo.path]
    facts = [taken(photo).replace("T", " ").removesuffix(".000"), photo.camera, f"{photo.width} x {photo.height}"]
    return PhotoView(
        row=row,
        name=shown(" + ".join([photo.path.name, *(file.suffix[1:] for file in _others(photo))])),
        about=" · ".join([_beside(photo.path, pictures.folder), *map(shown, filter(None, facts))]),
        verdict=ranked.verdict,
        chosen=ranked.chosen,
        thumb=pictures.thumbs.get(photo.sha256, ""),
        full=full,
        note=note,
        score=f"{ranked.look.score:.2f}",
        beats=f"{100 * ranked.probability:.0f} %" if (ranked.proposed or ranked.verdict) in _COMPARED else "",
        close=ranked.close,
        reasons=tuple(shown(reason) for reason in ranked.reasons),
    )


def _span(series: Series) -> str:
    """When a series was taken, and how long it took."""
    times = sorted(ranked.photo.clock for ranked in series.ranked if ranked.photo.clock is not None)
    first = min(series.ranked, key=lambda ranked: ranked.photo.clock or 0).photo
    if len(times) != len(series.ranked) or not taken(first):
        return ""
    seconds = times[-1] - times[0]
    length = f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
    return f"{taken(first)[:16].replace('T', ' ')}" + (f", {length}" if len(times) > 1 else "")
