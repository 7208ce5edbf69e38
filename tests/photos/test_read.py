"""A photo's headers and its pixels."""

import hashlib
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from smalti.errors import MissingExtraError, RasterError
from smalti.photos import read
from smalti.photos.listing import Shot
from smalti.photos.photo import Photo
from smalti.photos.read import open_photo, read_photo
from tests.photos.shots import raw, save, scene, tags

# EXIF orientation: quarter turns against the clock from upright to stored, and whether it is mirrored after that
HELD = {
    1: (0, False),
    2: (0, True),
    3: (2, False),
    4: (2, True),
    5: (3, True),
    6: (1, False),
    7: (1, True),
    8: (3, False),
}
TIME = "2024:05:17 12:00:00"


def headers(path: Path) -> Photo:
    return open_photo(Shot(path, (path,))).photo


def quarters(height: int = 40, width: int = 60) -> np.ndarray:
    """White on top left, red on top right, black below."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = 255
    picture[: height // 2, width // 2 :, 0] = 255
    return picture


def stored_for(picture: np.ndarray, orientation: int) -> np.ndarray:
    """The picture as a camera that is held that way stores it; EXIF 2.32, figure of tag 0x0112."""
    turns, mirrored = HELD[orientation]
    turned = np.rot90(picture, turns)
    return np.ascontiguousarray(np.fliplr(turned) if mirrored else turned)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
def test_photos_are_turned_upright(tmp_path: Path, ending: str, orientation: int) -> None:
    options = {"quality": 95, "subsampling": 0} if ending == "jpg" else {}
    stored = stored_for(quarters(), orientation)
    path = save(tmp_path / f"a.{ending}", stored, tags(TIME, orientation=orientation), **options)
    assert (headers(path).width, headers(path).height) == (60, 40)
    difference = read_photo(path).astype(int) - quarters()
    assert np.abs(difference).max() <= (12 if ending == "jpg" else 0)


@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
def test_headers_without_decoding(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read.cv2, "imdecode", None)
    path = save(tmp_path / f"a.{ending}", scene(1), tags(TIME, "5", "+02:00", serial="9"))
    found = headers(path)
    assert (found.taken, found.camera, found.width, found.height) == (1715940000.5, "Acme One 9", 128, 96)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_other_kinds_of_pixels_become_rgb(tmp_path: Path) -> None:
    grey, deep = scene(1)[..., 0], np.full((20, 30, 3), 65535, np.uint16)
    assert read_photo(save(tmp_path / "grey.png", grey)).shape == (96, 128, 3)
    clear = np.dstack([scene(1), np.zeros((96, 128), np.uint8)])
    np.testing.assert_array_equal(read_photo(save(tmp_path / "clear.png", clear)), scene(1))
    cv2.imwrite(str(tmp_path / "deep.tif"), deep)
    assert read_photo(tmp_path / "deep.tif").dtype == np.uint8


def test_bursts_by_name_belong_to_their_folder(tmp_path: Path) -> None:
    one = headers(save(tmp_path / "a" / "IMG_1_BURST1.jpg", scene(1)))
    other = headers(save(tmp_path / "a" / "IMG_1_BURST2.jpg", scene(1)))
    elsewhere = headers(save(tmp_path / "b" / "IMG_1_BURST1.jpg", scene(1)))
    assert one.burst == other.burst != elsewhere.burst
    assert headers(save(tmp_path / "plain.jpg", scene(1))).burst == ""


def test_the_burst_that_google_writes_into_xmp(tmp_path: Path) -> None:
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description GCamera:BurstID="7c-1"/></x:xmpmeta>'
    assert headers(save(tmp_path / "a.jpg", scene(1), xmp=packet)).burst == "7c-1"


def preview(tmp_path: Path, width: int = 640) -> bytes:
    return save(tmp_path / "p.jpg", scene(5, width // 2, width)).read_bytes()


@pytest.mark.parametrize("ending", ["NEF", "cr2", "dng"])
def test_the_largest_jpeg_inside_a_raw_is_looked_at(tmp_path: Path, ending: str) -> None:
    path = raw(tmp_path / f"a.{ending}", preview(tmp_path), tags(TIME, orientation=6, serial="8"))
    found = headers(path)
    assert (found.width, found.height, found.camera) == (320, 640, "Acme One 8")
    assert found.taken == 1715947200
    upright = np.rot90(read_photo(tmp_path / "p.jpg"), -1)
    np.testing.assert_array_equal(read_photo(path), upright)


def test_a_cr3_is_no_tiff_but_holds_two(tmp_path: Path) -> None:
    found = tags(TIME, serial="3")
    inner = tags().tobytes()  # no more than a header
    block = found.tobytes().removeprefix(b"Exif\0\0")
    path = tmp_path / "a.cr3"
    path.write_bytes(b"\0\0\0\x18ftypcrx " + b"CMT1" + block + b"CMT2" + inner + preview(tmp_path))
    assert headers(path).taken == 1715947200 and headers(path).width == 640


@pytest.mark.parametrize(
    ("width", "what"), [(320, "only a thumbnail of 320 x 160"), (0, "contains no JPEG|only a thumbnail")]
)
def test_a_raw_without_a_preview(tmp_path: Path, width: int, what: str) -> None:
    path = raw(tmp_path / "a.arw", preview(tmp_path, width) if width else b"")
    with pytest.raises(RasterError, match=what):
        headers(path)


def test_heic_with_the_extra(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "a.heic"
    picture = quarters(64, 96)
    heif.from_bytes("RGB", (96, 64), picture.tobytes()).save(path, quality=95, exif=tags(TIME, "5").tobytes())
    assert (headers(path).width, headers(path).height, headers(path).taken) == (96, 64, 1715947200.5)
    assert np.abs(read_photo(path).astype(int) - picture).mean() < 5
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(RasterError, match=r"a\.heic: is (truncated|damaged)"):
        read_photo(path)


def test_heic_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    with pytest.raises(MissingExtraError, match=r"pip install 'smalti\[photos\]'"):
        headers(tmp_path / "a.heic")


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.7, 0.98])
def test_a_truncated_jpeg_is_refused(tmp_path: Path, kept: float, progressive: bool) -> None:
    path = save(tmp_path / "a.jpg", scene(1, 300, 400), tags(TIME), progressive=progressive)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(RasterError, match=r"a\.jpg: (is truncated|its JPEG headers are cut)"):
        headers(path)
    path.write_bytes(content[: int(kept * len(content))].ljust(len(content), b"\0"))  # its place was taken beforehand
    with pytest.raises(RasterError, match=r"a\.jpg: (is truncated|its JPEG headers are cut)"):
        headers(path)


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("kept", [0.01, 0.5, 0.98])
def test_other_truncated_photos_are_refused(tmp_path: Path, ending: str, kept: float) -> None:
    path = save(tmp_path / f"a.{ending}", scene(1, 300, 400))
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(RasterError, match=rf"a\.{ending}: "):
        read_photo(path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (bytes(5000), "begins with zeros"),
        (b"GIF89a" + b"x" * 80, "is truncated or damaged"),
        (b"%PDF-1.7" + b"x" * 80, "is not a photo that can be read"),
        (b"\xff\xd8\xff\xc3\0\x0b\x08\0\x10\0\x10\1\1\x11\0\xff\xda" + b"x" * 80, "is a lossless"),
    ],
)
def test_what_is_no_photo(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(RasterError, match=what):
        headers(path)


def test_a_photo_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(RasterError, match="cannot be read: no such file"):
        headers(tmp_path / "a.jpg")


def test_more_pixels_than_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.jpg", scene(1))
    monkeypatch.setattr(read, "MOST", 10_000)
    with pytest.raises(RasterError, match="has 128 x 96 pixels"):
        headers(path)


def test_a_tiff_of_floats_is_not_called_damaged_alone(tmp_path: Path) -> None:
    path = tmp_path / "hdr.tif"
    cv2.imwrite(str(path), scene(1).astype(np.float32) / 255)
    with pytest.raises(RasterError, match=r"hdr\.tif: is damaged, or a TIFF of floats .*; export it as JPEG"):
        read_photo(path)
