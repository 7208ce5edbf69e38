"""Formats that Pillow decodes: WebP, AVIF, GIF (its first picture), BMP, JPEG 2000, BigTIFF.

Pillow's classes are called by name, not through `Image.open`: the file name does not decide, none of its many other
formats can be reached, and the limit on pixels is decided in one place, here. Its warnings about tags and transparency
are suppressed: the picture is read or refused in any case.
"""

import io
import re
from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    ImageFile,
    Jpeg2KImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from smalti.photos.formats import heif, tiff
from smalti.photos.formats.exif import NONE, Exif, parse
from smalti.raster.quiet import quiet

_START: tuple[tuple[re.Pattern[bytes], Callable[[io.BytesIO], ImageFile.ImageFile]], ...] = (
    (re.compile(rb"RIFF....WEBP", re.DOTALL), WebPImagePlugin.WebPImageFile),
    (re.compile(rb"GIF8[79]a"), GifImagePlugin.GifImageFile),
    (re.compile(rb"BM.{4}\0{4}", re.DOTALL), BmpImagePlugin.BmpImageFile),
    (re.compile(rb"\0\0\0\x0cjP {2}\r\n\x87\n|\xff\x4f\xff\x51"), Jpeg2KImagePlugin.Jpeg2KImageFile),
)
_SEEMING = {"I;16": 257, "I;16B": 257, "I": 257}  # grey of more than 8 bits: the value of one grey level of 8 bits


def reads(content: bytes) -> bool:
    """Whether the file has one of these formats."""
    return _kind(content) is not None


def open_picture(content: bytes) -> ImageFile.ImageFile:
    """The picture with its headers read; raises any exception if they are damaged."""
    kind = _kind(content)
    assert kind
    with quiet(Warning):
        return kind(io.BytesIO(content))


def open_tiff(content: bytes) -> ImageFile.ImageFile:
    """A TIFF, which Pillow rotates upright as it decodes; raises any exception if its headers are damaged."""
    with quiet(Warning):
        return TiffImagePlugin.TiffImageFile(io.BytesIO(content))


def header(picture: ImageFile.ImageFile) -> Exif:
    """The EXIF of a picture; empty if there is none."""
    block = picture.info.get("exif") or b""
    if block:
        return parse(block)
    with quiet(Warning):
        found = picture.getexif()
        return parse(found.tobytes()) if found else NONE


def decode(picture: ImageFile.ImageFile) -> NDArray[np.uint8]:
    """The pixels as stored, H,W,3 uint8 (RGB); raises any exception if they are damaged."""
    is_tiff = isinstance(picture, TiffImagePlugin.TiffImageFile)
    with quiet(Warning) if is_tiff else nullcontext():  # one thread at a time, and decoding others warns of nothing
        picture.load()
    if picture.mode in _SEEMING:
        grey = (np.asarray(picture).astype(np.int64) // _SEEMING[picture.mode]).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, 2)
    with quiet(Warning):
        return np.asarray(picture.convert("RGB"))


def _kind(content: bytes) -> Callable[[io.BytesIO], ImageFile.ImageFile] | None:
    if content[4:8] == b"ftyp" and heif.is_avif(content):
        return AvifImagePlugin.AvifImageFile
    if tiff.is_big(content):
        return TiffImagePlugin.TiffImageFile
    return next((kind for start, kind in _START if start.match(content)), None)
