"""Copies of an image with a class on both sides of a split."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from smalti.data.images.copies import check_copies
from smalti.errors import DataError

NAMES = ("training", "validation")


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (20, 30, 3)).astype(np.uint8)


def save(path: Path, pixels: np.ndarray, **options: object) -> str:
    Image.fromarray(pixels).save(path, **options)
    return str(path)


def test_a_copy_whose_metadata_were_edited_is_refused(tmp_path: Path) -> None:
    ours = [save(tmp_path / f"{k}.jpg", noise(k)) for k in range(3)]
    content = Path(ours[1]).read_bytes()
    other = tmp_path / "other.jpg"
    other.write_bytes(content[:2] + b"\xff\xfe\0\x09caption" + content[2:])
    with pytest.raises(DataError, match=r"1\.jpg \(training\) and .*other\.jpg \(validation\) are copies"):
        check_copies(ours, [save(tmp_path / "9.jpg", noise(9)), str(other)], NAMES)


@pytest.mark.parametrize("trailer", [b"made by a program" * 40, b"\0", b"\xff\xd9 and a film " * 9])
def test_a_copy_with_something_appended_is_refused(tmp_path: Path, trailer: bytes) -> None:
    ours = [save(tmp_path / f"{k}.jpg", noise(k)) for k in range(3)]
    (tmp_path / "other.jpg").write_bytes(Path(ours[1]).read_bytes() + trailer)
    with pytest.raises(DataError, match=r"1\.jpg \(training\) and .*other\.jpg \(validation\) are copies"):
        check_copies(ours, [save(tmp_path / "9.jpg", noise(9)), str(tmp_path / "other.jpg")], NAMES)


@pytest.mark.parametrize("first", ["jpg", "png"])
def test_the_same_picture_in_another_format_is_refused(tmp_path: Path, first: str) -> None:
    ours = [save(tmp_path / f"{k}.{first}", noise(k)) for k in range(3)]
    shown = cv2.imread(ours[2])
    cv2.imwrite(str(tmp_path / "x.bmp"), shown)
    with pytest.raises(DataError, match=rf"2\.{first} \(training\) and .*x\.bmp \(validation\) .* \(1 in all\)"):
        check_copies(ours, [save(tmp_path / "9.png", noise(9)), str(tmp_path / "x.bmp")], NAMES)


def test_images_of_one_colour_are_no_copies(tmp_path: Path) -> None:
    black = np.zeros((20, 30, 3), np.uint8)
    check_copies(
        [save(tmp_path / "a.png", black)], [save(tmp_path / "b.png", black), save(tmp_path / "c.bmp", black)], NAMES
    )


def test_many_jpegs_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smalti.data.images.decode.whole", None)
    files = [save(tmp_path / f"{k}.jpg", noise(k)) for k in range(6)]
    check_copies(files[:4], files[4:], NAMES)
