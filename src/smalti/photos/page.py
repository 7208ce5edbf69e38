"""The page of a folder of photos: one row per series, best first, to be looked through and overruled by keyboard.

The page asks for nothing from the network, and its policy says so to the browser: only its own script and style, known
by their hashes, may run, and pictures come from beside it. What is overruled stays in the browser's storage and leaves
it as CSV or as a list of files. Thumbnails lie in NAME_files beside NAME.html, so that a thousand photos load only
as they come into view; the photos themselves are linked, not copied.
"""

import base64
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from smalti import __version__
from smalti.jobs import deliver
from smalti.photos.files import link, shown
from smalti.photos.listing import JPEG
from smalti.photos.photo import Photo, Ranked, Result, Series
from smalti.photos.tables import COLUMNS, rows, taken
from smalti.photos.thumbs import thumbs_of, write_thumbs

_SHOWN_BY_BROWSERS = JPEG | {".png"}


@dataclass(frozen=True)
class Card:
    """A photo on the page, all of it ready to be printed."""

    row: int
    id: str
    name: str
    about: str
    verdict: str
    thumb: str
    full: str
    score: str
    beats: str
    close: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Strip:
    """A series on the page."""

    name: str
    about: str
    cards: tuple[Card, ...]

    @property
    def close(self) -> bool:
        """Whether another photo is as good as the pick, as far as the model can tell."""
        return any(card.close for card in self.cards)


def write_page(result: Result, path: Path) -> None:
    """Writes the page to `path`, after the thumbnails to NAME_files beside it; OutputError if that cannot be."""
    photos = [ranked.photo for series in result.series for ranked in series.ranked]
    names = write_thumbs(photos, thumbs_of(path))
    thumbs = {sha256: link(thumbs_of(path) / name, path.parent) for sha256, name in names.items()}
    strips = _strips(result, thumbs, path.parent)
    page = _render(
        title=_title(photos),
        strips=[strip for strip in strips if len(strip.cards) > 1],
        alone=[strip for strip in strips if len(strip.cards) == 1],
        photos=len(photos),
        unread=[(shown(unread.path), shown(unread.reason)) for unread in result.unread],
        model=shown(result.model),
        how=shown(result.how),
        data={
            "name": shown(path.stem),
            "columns": COLUMNS,
            "rows": rows(result),
            "files": [[shown(file) for file in photo.files] for photo in photos],
        },
    )
    deliver(path, page.encode())


def _render(**values: Any) -> str:
    """The page with its values, everything in them escaped."""
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


def _strips(result: Result, thumbs: dict[str, str], folder: Path) -> list[Strip]:
    strips: list[Strip] = []
    row = 0
    for series in result.series:
        cards = [_card(ranked, row + k, thumbs, folder) for k, ranked in enumerate(series.ranked)]
        strips.append(Strip(shown(series.name), _span(series), tuple(cards)))
        row += len(cards)
    return strips


def _card(ranked: Ranked, row: int, thumbs: dict[str, str], folder: Path) -> Card:
    photo = ranked.photo
    whole = next((file for file in photo.files if file.suffix.lower() in _SHOWN_BY_BROWSERS), photo.path)
    others = [file.suffix[1:] for file in photo.files if file != photo.path]
    facts = [taken(photo).replace("T", " ").removesuffix(".000"), photo.camera, f"{photo.width} x {photo.height}"]
    return Card(
        row=row,
        id=f"{photo.sha256[:16]} {link(photo.path, folder)}",
        name=shown(" + ".join([photo.path.name, *others])),
        about=shown(" · ".join([str(photo.path), *filter(None, facts)])),
        verdict=ranked.verdict,
        thumb=thumbs.get(photo.sha256, ""),
        full=link(whole, folder),
        score=f"{ranked.look.score:.2f}",
        beats="" if ranked.verdict == "pick" else f"{100 * ranked.probability:.0f} %",
        close=ranked.close,
        reasons=tuple(shown(reason) for reason in ranked.reasons),
    )


def _span(series: Series) -> str:
    """When a series was taken, and how long it took."""
    times = sorted(ranked.photo.taken for ranked in series.ranked if ranked.photo.taken is not None)
    first = min(series.ranked, key=lambda ranked: ranked.photo.taken or 0).photo
    if len(times) != len(series.ranked) or not taken(first):
        return ""
    seconds = times[-1] - times[0]
    length = f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
    return f"{taken(first)[:16].replace('T', ' ')}" + (f", {length}" if len(times) > 1 else "")
