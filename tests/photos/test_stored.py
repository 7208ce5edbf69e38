"""Kinds of photo files: all are read, all are told by what is in them, and what is missing is noticed."""

import base64
import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from smalti.errors import RasterError
from smalti.photos.listing import Shot
from smalti.photos.read import OpenPhoto, open_photo, pixels, read_photo
from tests.photos.shots import save, scene, tags

KINDS = {"jpg": "JPEG", "png": "PNG", "tif": "TIFF", "webp": "WEBP", "avif": "AVIF", "gif": "GIF", "bmp": "BMP"}
KINDS["jp2"] = "JPEG2000"


def heic(picture: np.ndarray, exif: bytes) -> bytes:
    heif = pytest.importorskip("pillow_heif")
    key = picture.tobytes(), exif
    if key not in _heic:  # its encoder takes its time
        file = io.BytesIO()
        heif.from_bytes("RGB", picture.shape[1::-1], key[0]).save(file, quality=80, tile_size=128, exif=exif)
        _heic[key] = file.getvalue()
    return _heic[key]


_heic: dict[tuple[bytes, bytes], bytes] = {}


def encoded(kind: str, picture: np.ndarray, exif: Image.Exif | None = None) -> bytes:
    if kind == "heic":
        return heic(picture, (exif or Image.Exif()).tobytes())
    file = io.BytesIO()
    Image.fromarray(picture).save(file, KINDS[kind], **({"exif": exif} if exif else {}))
    return file.getvalue()


def opened(path: Path, content: bytes) -> OpenPhoto:
    path.write_bytes(content)
    return open_photo(Shot(path, (path,)))


@pytest.mark.parametrize("named", ["right", "jpg"])
@pytest.mark.parametrize("kind", ["webp", "avif", "gif", "bmp", "jp2", "heic"])
def test_kinds_are_told_by_what_is_in_them(tmp_path: Path, kind: str, named: str) -> None:
    picture = cv2.GaussianBlur(scene(1, 300, 400), (0, 0), 2)
    path = tmp_path / f"a.{kind if named == 'right' else 'jpg'}"
    found = opened(path, encoded(kind, picture))
    assert (found.photo.width, found.photo.height) == (400, 300)
    assert np.abs(pixels(found).astype(int) - picture).mean() < 12


@pytest.mark.parametrize("kind", ["webp", "avif"])
def test_other_kinds_are_turned_and_have_a_time(tmp_path: Path, kind: str) -> None:
    picture = cv2.GaussianBlur(scene(1, 60, 90), (0, 0), 2)
    turned = np.ascontiguousarray(np.rot90(picture))
    found = opened(tmp_path / f"a.{kind}", encoded(kind, turned, tags("2024:05:17 12:00:00", orientation=6)))
    assert (found.photo.width, found.photo.height, found.photo.taken) == (90, 60, 1715947200)
    assert np.abs(pixels(found).astype(int) - picture).mean() < 12


@pytest.mark.parametrize("kind", [*KINDS, "heic"])
@pytest.mark.parametrize("kept", [0.05, 0.3, 0.7, 0.97])
def test_a_file_cut_short_is_no_photo(tmp_path: Path, kind: str, kept: float) -> None:
    content = encoded(kind, scene(1, 240, 320))
    path = tmp_path / f"a.{kind}"
    path.write_bytes(content[: int(kept * len(content))])
    by_places = kind in ("heic", "avif", "tif") and kept >= 0.3  # the list of these lies in front, or is all there is
    with pytest.raises(RasterError, match="bytes or more are there" if by_places else "copy it again"):
        read_photo(path)


@pytest.mark.parametrize("kind", ["jpg", "heic", "png"])
def test_a_hole_that_was_never_filled_is_damage(tmp_path: Path, kind: str) -> None:
    content = bytearray(encoded(kind, scene(1, 240, 320)))
    begin = len(content) // 2 // 4096 * 4096
    content[begin : begin + 8192] = bytes(8192)
    path = tmp_path / f"a.{kind}"
    path.write_bytes(content)
    with pytest.raises(RasterError, match="is damaged"):
        read_photo(path)


def test_a_tile_that_was_not_decoded_is_damage(tmp_path: Path) -> None:
    """A tile whose data are wrong, not missing: libheif leaves it green."""
    content = bytearray(encoded("heic", scene(1, 240, 320)))
    content[-9000:] = b"\xff" * 9000
    path = tmp_path / "a.heic"
    path.write_bytes(content)
    with pytest.raises(RasterError, match=r"is (truncated or )?damaged"):
        read_photo(path)


def test_an_even_photo_is_no_damage(tmp_path: Path) -> None:
    black = np.zeros((128, 4000, 3), np.uint8)
    for kind in [*KINDS, "heic"]:
        assert pixels(opened(tmp_path / f"a.{kind}", encoded(kind, black))).max() <= 2
    path = save(tmp_path / "b.jpg", black, optimize=True)
    assert read_photo(path).max() <= 2


def test_a_big_tiff_is_a_photo(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(scene(1)).save(path, big_tiff=True)
    assert path.read_bytes()[:4] == b"II\x2b\0"
    np.testing.assert_array_equal(read_photo(path), scene(1))


@pytest.mark.parametrize(
    "options", [{"compression": "zstd"}, {"compression": "tiff_lzw"}, {"mode": "CMYK"}, {"mode": "F"}]
)
def test_a_tiff_of_any_compression_and_kind_of_pixels(tmp_path: Path, options: dict[str, str]) -> None:
    picture = Image.fromarray(scene(1)).convert(options.get("mode", "RGB"))
    turned = {0x0112: 6}
    picture.save(tmp_path / "a.tif", tiffinfo=turned, compression=options.get("compression"))
    found = read_photo(tmp_path / "a.tif")
    assert found.shape == (128, 96, 3) and abs(found.mean() - scene(1).mean()) < 3


@pytest.mark.parametrize("kind", ["avif", "heic", "webp", "gif", "jp2", "tif", "jpg", "png"])
def test_damaged_headers_are_one_line(tmp_path: Path, kind: str) -> None:
    content = encoded(kind, scene(1, 64, 80), None)
    path = tmp_path / f"a.{kind}"
    rng = np.random.default_rng(5)
    for _ in range(60):
        damaged = bytearray(content)
        for at in rng.integers(0, min(400, len(content)), 3):
            damaged[at] = int(rng.integers(256))
        path.write_bytes(damaged)
        try:
            read_photo(path)
        except RasterError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("kept", [0.3, 0.7, 0.95])
def test_a_jpeg_cut_in_the_middle_whose_end_is_there_is_damage(tmp_path: Path, kept: float, progressive: bool) -> None:
    path = save(tmp_path / "a.jpg", scene(1, 240, 320), progressive=progressive)
    content = path.read_bytes()
    assert read_photo(path).shape == (240, 320, 3)
    path.write_bytes(content[: int(kept * len(content))] + b"\xff\xd9")
    with pytest.raises(RasterError, match="is damaged"):
        read_photo(path)


def test_a_grey_jpeg_and_bytes_too_many_are_no_damage(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", np.full((64, 80, 3), 128, np.uint8))
    content = path.read_bytes()
    assert read_photo(path).max() == 128
    path.write_bytes(content[:-2] + bytes(3) + b"\xff\xd9")
    assert read_photo(path).max() == 128


ARITHMETIC = (  # a gradient of 32 x 24 pixels, written with `jpegtran -arithmetic`
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAoHBwgHBgoICAgLCgoLDhgQDg0NDh0VFhEYIx8lJCIfIiEmKzcvJik0KSEiMEExNDk7Pj4+JS5ESU"
    "M8SDc9Pjv/2wBDAQoLCw4NDhwQEBw7KCIoOzs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozv/yQARCAAY"
    "ACADAREAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwD+7f1HsYr7N20lq/oC3eX2KDks3uVSKK5KzpbiIak8SxplDbGY1YB0q6Yq6L"
    "b1+WW7E+TJm5dzIWpnyW7TLSOy0HVuDuNfIbBPtA1eMuTf/9k="
)


def test_a_jpeg_with_arithmetic_coding_is_a_photo(tmp_path: Path) -> None:
    found = opened(tmp_path / "a.jpg", base64.b64decode(ARITHMETIC))
    assert pixels(found).shape == (24, 32, 3) and 120 < pixels(found).mean() < 130


@pytest.mark.parametrize("kind", ["png", "bmp", "gif", "jpg", "jp2"])
def test_a_bomb_is_refused_by_its_headers(tmp_path: Path, kind: str) -> None:
    """A few bytes that say that they are 60,000 pixels wide and high."""
    content, at, size = {
        "png": (encoded("png", scene(1, 8, 8)), 16, struct.pack(">II", 60000, 60000)),
        "bmp": (encoded("bmp", scene(1, 8, 8)), 18, struct.pack("<ii", 60000, 60000)),
        "gif": (encoded("gif", scene(1, 8, 8)), 6, struct.pack("<HH", 60000, 60000)),
        "jp2": (encoded("jp2", scene(1, 8, 8)), 48, struct.pack(">II", 60000, 60000)),
        "jpg": (encoded("jpg", scene(1, 8, 8)), 0, b""),
    }[kind]
    if kind == "jpg":
        at, size = content.index(b"\xff\xc0") + 5, struct.pack(">HH", 60000, 60000)
    bomb = bytearray(content)
    bomb[at : at + len(size)] = size
    if kind == "png":
        bomb[29:33] = struct.pack(">I", zlib.crc32(bomb[12:29]))
    path = tmp_path / f"a.{kind}"
    path.write_bytes(bomb)
    with pytest.raises(RasterError, match="60000 x 60000 pixels"):
        read_photo(path)
