"""Pictures marked as Smalti's in their metadata, so that other pictures are never replaced."""

import io
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from smalti.errors import OutputError
from smalti.files import check_place, deliver

FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}
_SOFTWARE = "smalti"
_EXIF_SOFTWARE = 0x0131


def check_picture(out: Path) -> None:
    """OutputError if a picture cannot be written there, or would replace a file that Smalti did not write."""
    check_place(out, parents=True)
    if out.exists() and not _is_ours(out):
        raise OutputError(f"{out}: exists and was not written by smalti; remove it, or choose another output")


def write_picture(picture: Image.Image, out: Path) -> None:
    """Writes a JPEG or PNG, by its ending; OutputError as for `check_picture`, and for a full disk."""
    check_picture(out)
    stream = io.BytesIO()
    if FORMATS[out.suffix.lower()] == "PNG":
        mark = PngInfo()
        mark.add_text("Software", _SOFTWARE)
        picture.save(stream, "PNG", pnginfo=mark)
    else:
        exif = Image.Exif()
        exif[_EXIF_SOFTWARE] = _SOFTWARE
        picture.save(stream, "JPEG", quality=88, exif=exif)
    deliver(out, stream.getvalue())


def _is_ours(path: Path) -> bool:
    try:
        with Image.open(path) as picture:
            software = picture.info.get("Software") or picture.getexif().get(_EXIF_SOFTWARE) or ""
    except (OSError, ValueError, SyntaxError):
        return False
    return str(software).startswith(_SOFTWARE)
