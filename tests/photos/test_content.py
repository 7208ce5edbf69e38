"""The digest of a picture's coded pixels."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from smalti.photos.content import LENGTH, digest
from smalti.photos.listing import Shot
from smalti.photos.read import open_photo, read_photo
from tests.photos.shots import raw, scene, tags


def encoded(kind: str, picture: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    if kind in ("HEIF", "AVIF"):
        pytest.importorskip("pillow_heif").register_heif_opener()
    Image.fromarray(picture).save(file, kind, **options)
    return file.getvalue()


KINDS = ["JPEG", "PNG", "TIFF", "HEIF", "WEBP"]


@pytest.mark.parametrize("kind", KINDS)
def test_metadata_change_nothing_and_pixels_do(kind: str) -> None:
    bare = encoded(kind, scene(1))
    edited = encoded(kind, scene(1), exif=tags("2024:05:17 12:00:00", orientation=6, serial="x" * 3000))
    assert edited != bare and digest(edited) == digest(bare)
    assert len(digest(bare)) == LENGTH
    assert digest(encoded(kind, scene(2))) != digest(bare)


@pytest.mark.parametrize("kind", KINDS)
def test_one_changed_byte_among_the_coded_pixels_changes_it(kind: str) -> None:
    bare = bytearray(encoded(kind, scene(1)))
    middle = len(bare) // 2
    before = digest(bytes(bare))
    bare[middle] ^= 0x55
    assert digest(bytes(bare)) != before


def test_comments_and_texts_change_nothing() -> None:
    jpeg = encoded("JPEG", scene(1))
    assert digest(jpeg[:2] + b"\xff\xfe\x00\x06rate" + jpeg[2:]) == digest(jpeg)
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "a view")
    assert digest(encoded("PNG", scene(1), pnginfo=text)) == digest(encoded("PNG", scene(1)))


def test_tiles_of_a_tiff_count() -> None:
    """One strip or tile says nothing of the others."""
    one, other = scene(1), scene(1)
    other[-1, -1] ^= 255
    assert digest(encoded("TIFF", one)) != digest(encoded("TIFF", other))


@pytest.mark.parametrize("kind", [*KINDS, "GIF", "BMP"])
def test_any_cut_or_damaged_file_has_one(kind: str) -> None:
    whole = encoded(kind, scene(1))
    rng = np.random.default_rng(0)
    found = {digest(whole)}
    for length in (0, 1, 12, 40, len(whole) // 2):
        found.add(digest(whole[:length]))
    assert len(found) >= 4
    for _ in range(200):
        damaged = bytearray(whole)
        for place in rng.integers(0, min(len(whole), 600), 4):
            damaged[place] = rng.integers(256)
        assert len(digest(bytes(damaged))) == LENGTH


def test_a_png_chunk_of_another_kind_changes_nothing() -> None:
    png = encoded("PNG", scene(1))
    body = b"tEXt" + b"Rating\x005"
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    assert digest(png[:33] + chunk + png[33:]) == digest(png)


def test_a_raw_is_known_by_its_preview(tmp_path: Path) -> None:
    preview = encoded("JPEG", scene(1, 700, 1000))
    first = raw(tmp_path / "1.nef", preview)
    second = raw(tmp_path / "2.nef", preview, tags("2024:05:17 12:00:00"))
    photos = [open_photo(Shot(path, (path,))).photo for path in (first, second)]
    assert photos[0].content == photos[1].content and photos[0].sha256 != photos[1].sha256
    assert read_photo(first).shape == (700, 1000, 3)
