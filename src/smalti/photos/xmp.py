"""XMP sidecars: rating and label of each photo, for Lightroom, digiKam and darktable.

| verdict   | xmp:Rating | xmp:Label | why |
|-----------|------------|-----------|-----|
| pick      | 5          | Green     | |
| alternate | 3          | Yellow    | kept, and told apart from what nobody rated |
| reject    | -1         | Red       | the XMP specification's value for rejected |

darktable and Bridge show -1 as rejected; Lightroom and digiKam know 0 to 5 only and show such a photo unrated, which is
why rejects carry the red label as well. The labels are the English names, which digiKam and darktable compare letter
by letter and Lightroom compares with its label set.

Names. digiKam and darktable read IMG_1.JPG.xmp, so each file of a photo gets one. Lightroom, Bridge and Camera Raw read
IMG_1.xmp and only for a RAW, so a RAW gets that one too (darktable falls back to it). Of JPEG, TIFF, PNG and DNG
Adobe's programs read only what is inside the file, and Smalti never changes a photo: there, Lightroom learns nothing.
"""

from collections.abc import Iterator
from pathlib import Path

from smalti.errors import DataError
from smalti.jobs import deliver
from smalti.photos.listing import RAW
from smalti.photos.packet import RDF, XMP, with_values
from smalti.photos.photo import Photo, Result, Unread, Verdict

MARKS: dict[Verdict, dict[str, str]] = {
    "pick": {"Rating": "5", "Label": "Green"},
    "alternate": {"Rating": "3", "Label": "Yellow"},
    "reject": {"Rating": "-1", "Label": "Red"},
}

WITH_SIDECAR = RAW - {".dng"}
"""Endings of the files whose sidecar Adobe's programs read. A DNG holds its own XMP."""

EMPTY = f"""<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="{RDF}">
  <rdf:Description rdf:about=""
    xmlns:xmp="{XMP}"{{more}}/>
 </rdf:RDF>
</x:xmpmeta>
"""


def write_sidecars(result: Result) -> tuple[Unread, ...]:
    """Writes or updates the sidecars of all photos; returns those that were left alone, and why.

    In a sidecar that is there already only rating and label change, to the byte. One that cannot be understood is left
    as it is. Raises OutputError where a sidecar cannot be written.
    """
    done: dict[Path, Verdict] = {}
    left: list[Unread] = []
    for ranked in (ranked for series in result.series for ranked in series.ranked if ranked.verdict != "unrated"):
        for path, fresh in _sidecars(ranked.photo):
            if done.setdefault(path, ranked.verdict) != ranked.verdict:
                left.append(Unread(path, f"stands for two photos; it says {done[path]}, as for the first"))
                continue
            try:
                _mark(path, fresh, MARKS[ranked.verdict])
            except DataError as error:
                left.append(Unread(path, f"left as it is: {error}"))
    return tuple(left)


def _sidecars(photo: Photo) -> Iterator[tuple[Path, bytes]]:
    """The sidecars of a photo, and what is in each before it is marked for the first time."""
    for file in photo.files:
        yield _existing(file.with_name(f"{file.name}.xmp")), EMPTY.format(more="").encode()
        if file.suffix.lower() in WITH_SIDECAR:
            # Tells Camera Raw that this is the sidecar of the RAW, not of a JPEG with the same name.
            more = (
                '\n    xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
                f'\n    photoshop:SidecarForExtension="{file.suffix[1:]}"'
            )
            yield _existing(file.with_suffix(".xmp")), EMPTY.format(more=more).encode()


def _existing(path: Path) -> Path:
    upper = path.with_suffix(".XMP")
    return upper if upper.exists() and not path.exists() else path


def _mark(path: Path, fresh: bytes, values: dict[str, str]) -> None:
    try:
        before = path.read_bytes()
    except FileNotFoundError:
        before = b""
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}") from None
    after = with_values(before if before else fresh, values)
    if after != before:
        deliver(path, after)
