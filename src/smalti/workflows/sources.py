"""The scenes that names stand for: files, folders, globs, URLs, and items of catalogues."""

from collections.abc import Sequence
from pathlib import Path

from smalti.arguments import said
from smalti.card import Card
from smalti.errors import OptionError, RasterError, SmaltiError, warn
from smalti.mapping.places import item_stem, scenes
from smalti.mapping.source import Source
from smalti.remote.assets import band_count, chosen_assets
from smalti.remote.documents import is_document
from smalti.remote.query import Query
from smalti.text import count

SceneName = str | Path
"""A file, a folder, a URL, or the address of a catalogue."""


def find_sources(names: Sequence[SceneName], query: Query) -> tuple[list[Source], list[SmaltiError]]:
    """The scenes of all names, each once, and the errors of names that have none."""
    found: dict[Source, None] = {}
    failed: list[SmaltiError] = []
    for name in names:
        try:
            for source in _of_name(str(name), query, failed):
                found.setdefault(source)
        except SmaltiError as error:
            failed.append(error)
        except OSError as error:  # no permission to look it up, or a name that is too long
            text = f"{said(str(name))}: {error.strerror}; give a path that you may use"
            failed.append(RasterError(text, value=name))
    return list(found), failed


def find_scenes(names: Sequence[SceneName]) -> tuple[list[str], list[SmaltiError]]:
    """The files and URLs of all scenes, each once, and the errors of names that have none."""
    found, failed = find_sources(names, Query())
    return [file for source in found for file in source.files], failed


def _of_name(name: str, query: Query, failed: list[SmaltiError]) -> list[Source]:
    if query or is_document(name):
        from smalti.remote.catalogue import find_items  # lazily: few scenes are items of catalogues

        if (items := find_items(name, query)) is not None:
            return [source for item in items if (source := _of_item(item, query, failed)) is not None]
        if query:
            raise OptionError(
                f"{name}: is not a STAC item, collection or catalogue, but only those are searched; omit"
                " --bbox, --datetime, --assets and --where, or give the address of a catalogue",
                value=name,
            )
    return [Source((scene,)) for scene in scenes(name, warn)]


def _of_item(item: dict[str, object], query: Query, failed: list[SmaltiError]) -> Source | None:
    try:
        files = chosen_assets(item, query.assets)
    except SmaltiError as error:
        failed.append(error)
        return None
    return Source(tuple(files.values()), tuple(files), item, item_stem(item))


def wrong_bands(source: Source, card: Card) -> RasterError | None:
    """What is wrong if the files of an item have too few bands, as far as the item states them; else None."""
    needed = len(card.bands)
    if source.item is None or (number := band_count(source.item, source.assets)) is None or number >= needed:
        return None
    names = ", ".join(source.assets)
    text = f"item {source.item['id']}: {names} has {count(number, 'band')}, the model takes {needed}"
    return RasterError(f"{text} ({', '.join(card.bands)}); choose others with --assets")
