"""XMP sidecars: rating and label of each photo, for Lightroom, digiKam and darktable.

| verdict   | xmp:Rating | xmp:Label | MicrosoftPhoto:Rating | digiKam:PickLabel, ColorLabel | why |
|-----------|------------|-----------|-----------------------|-------------------------------|-----|
| pick      | 5          | Green     | 99                    | 3 accepted, 4 green           | |
| alternate | 3          | Yellow    | 50                    | 0 none, 3 yellow              | not unrated |
| reject    | -1         | Red       | 0                     | 1 rejected, 1 red             | rejected in XMP |

darktable and Bridge show -1 as rejected; Lightroom and digiKam know only 0 to 5 and show such a photo as unrated, which
is why rejects also carry the red label. The labels are the English names, which digiKam and darktable compare exactly
and Lightroom compares with its label set.

Names. digiKam and darktable read IMG_1.JPG.xmp, so each file of a photo gets one. Lightroom, Bridge and Camera Raw read
IMG_1.xmp and only for a RAW, so a RAW gets that one too (darktable falls back to it). For JPEG, TIFF, PNG and DNG
Adobe's programs read only metadata inside the file, and Smalti never changes a photo: Lightroom sees no ratings there.
"""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from smalti.endings import RAW
from smalti.errors import DataError, reason
from smalti.files import deliver
from smalti.photos.decisions import MARKS, VERDICT, is_decided, is_for, is_ours
from smalti.photos.formats.xmp import NAMESPACES, RDF, XMP, with_values
from smalti.photos.photo import Photo, RankedFolder, Unread, Verdict

WITH_SIDECAR = RAW - {".dng"}
"""Endings of the files whose sidecar Adobe's programs read. A DNG holds its own XMP."""

EMPTY = f"""<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="{RDF}">
  <rdf:Description rdf:about=""
    xmlns:xmp="{XMP}"
    xmlns:MicrosoftPhoto="{NAMESPACES["MicrosoftPhoto"]}"
    xmlns:digiKam="{NAMESPACES["digiKam"]}"
    xmlns:smalti="{NAMESPACES["smalti"]}"{{more}}/>
 </rdf:RDF>
</x:xmpmeta>
"""


@dataclass(frozen=True, slots=True)
class SidecarReport:
    """The result of writing sidecars."""

    left: tuple[Unread, ...]
    """Sidecars that were left unchanged, and why."""
    kept: int
    """Photos that keep a rating or label of their own."""


def write_sidecars(result: RankedFolder, *, overwrite: bool = False) -> SidecarReport:
    """Writes or updates the sidecars of all photos.

    A photo that already has a rating or label, in a sidecar or in one of its files, keeps it and is skipped, unless
    `overwrite`; what Smalti wrote and nobody changed since does not count. In an existing sidecar only Smalti's fields
    change; all other bytes stay. An invalid one is left unchanged.

    Args:
        result: the ranked folder.
        overwrite: replace ratings and labels that Smalti did not write.

    Raises:
        OutputError: a sidecar cannot be written.
    """
    done: dict[Path, Verdict] = {}
    left: list[Unread] = []
    kept = 0
    for ranked in (ranked for series in result.series for ranked in series.ranked):
        sidecars = dict(_sidecars(ranked.photo))
        if not overwrite and any(map(is_decided, [*sidecars, *ranked.photo.files])):
            kept += ranked.verdict != "unrated"
            continue
        for path, fresh in sidecars.items():
            if ranked.verdict == "unrated" and not is_ours(path):
                continue
            if done.setdefault(path, ranked.verdict) != ranked.verdict:
                left.append(Unread(path, f"belongs to two photos; it says {done[path]}, as for the first"))
                continue
            try:
                _mark(path, fresh, MARKS[ranked.verdict] | {VERDICT: ranked.verdict})
            except DataError as error:
                left.append(Unread(path, f"left unchanged: {error}"))
    return SidecarReport(tuple(left), kept)


def _sidecars(photo: Photo) -> Iterator[tuple[Path, bytes]]:
    """The sidecars of a photo, and the initial content of each."""
    for file in photo.files:
        yield _existing(file.with_name(f"{file.name}.xmp")), EMPTY.format(more="").encode()
        if file.suffix.lower() in WITH_SIDECAR:
            # Tells Camera Raw that this is the sidecar of the RAW, not of a JPEG with the same name.
            more = (
                '\n    xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
                f'\n    photoshop:SidecarForExtension="{file.suffix[1:]}"'
            )
            yield _existing(file.with_suffix(".xmp")), EMPTY.format(more=more).encode()
        elif is_for(other := _existing(file.with_suffix(".xmp")), file):  # by a program that names them so
            yield other, EMPTY.format(more="").encode()


def _existing(path: Path) -> Path:
    upper = path.with_suffix(".XMP")
    return upper if upper.exists() and not path.exists() else path


def _mark(path: Path, fresh: bytes, values: dict[str, str]) -> None:
    try:
        before = path.read_bytes()
        if not path.stat().st_mode & stat.S_IWUSR:
            raise DataError("is read-only")
    except FileNotFoundError:
        before = b""
    except OSError as error:
        raise DataError(f"cannot be read: {reason(error)}") from None
    after = with_values(before if before else fresh, values)
    if after != before:
        deliver(path, after)
