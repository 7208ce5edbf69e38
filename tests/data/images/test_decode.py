from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from smalti.data.images.augment import Box, ImageAugment, centre_box, change_light, random_box
from smalti.data.images.decode import cut, reduction, upright_size
from smalti.data.images.operations import OPERATIONS
from smalti.errors import DataError
from tests.data.images.tiny import jpeg


def gradient(height: int, width: int) -> np.ndarray:
    """Red grows downwards, green to the right."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.dstack([rows * 255 // height, columns * 255 // width, np.full_like(rows, 99)]).astype(np.uint8)


def test_a_box_of_a_large_jpeg_is_the_same_at_any_reduction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.jpg"
    path.write_bytes(jpeg(gradient(403, 501)))
    view = Box(100, 60, 260, 300, mirror=True)
    assert [reduction(view, size) for size in (32, 64, 65, 130, 131)] == [8, 4, 4, 2, 1]
    small = cut(str(path), lambda height, width: view, 32)
    monkeypatch.setattr("smalti.data.images.decode.reduction", lambda view, size: 1)
    full = cut(str(path), lambda height, width: view, 32)
    assert small.shape == (32, 32, 3) and small.dtype == np.uint8
    assert np.abs(small.astype(int) - full.astype(int)).max() <= 6
    expected = gradient(403, 501)[100:360, 60:360]
    expected = cv2.resize(expected, (32, 32), interpolation=cv2.INTER_AREA)[:, ::-1]
    assert np.abs(full.astype(int) - expected).max() <= 3


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_images_are_upright(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"turned.{ending}"
    exif = Image.Exif()
    exif[0x0112] = 6 if ending == "jpg" else 1  # a quarter turn
    image = gradient(48, 48).transpose(1, 0, 2)[::-1] if ending == "jpg" else gradient(48, 48)
    Image.fromarray(np.ascontiguousarray(image)).save(path, exif=exif, quality=95)
    found = cut(str(path), lambda height, width: Box(0, 0, height, width), 16)
    expected = cv2.resize(gradient(48, 48), (16, 16), interpolation=cv2.INTER_AREA)
    assert np.abs(found.astype(int) - expected).max() <= 6


def test_the_size_is_that_of_the_upright_image() -> None:
    assert upright_size(jpeg(gradient(30, 50))) == (30, 50)
    assert upright_size(b"\x89PNG") is None


def test_what_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    for name, says in (("bad.jpg", "cannot be decoded as an image"), ("gone.jpg", "cannot be read: no such file")):
        with pytest.raises(DataError, match=f"{name}: .*{says}"):
            cut(str(tmp_path / name), lambda height, width: Box(0, 0, 1, 1), 8)


def test_random_views_lie_inside_and_have_the_asked_for_sizes() -> None:
    rng = np.random.default_rng(0)
    augment = ImageAugment(area=(0.2, 0.5))
    views = [random_box(300, 400, augment, rng) for _ in range(200)]
    for view in views:
        assert view.top >= 0 and view.left >= 0 and view.top + view.height <= 300 and view.left + view.width <= 400
        assert 0.2 <= view.height * view.width / 120_000 <= 0.5 and 0.7499 < view.width / view.height < 1.3334
    assert 60 < sum(view.mirror for view in views) < 140
    narrow = random_box(1000, 10, augment, rng)  # no box of that shape has that much of the area
    assert narrow.width == 10 and narrow.height == pytest.approx(10 * 4 / 3) and narrow.left == 0


def test_the_middle() -> None:
    assert centre_box(100, 200, 224 / 256) == Box(6.25, 56.25, 87.5, 87.5)


def test_operations_keep_size_and_type_and_do_something() -> None:
    image = np.random.default_rng(0).integers(20, 200, (24, 24, 3)).astype(np.uint8)
    for operation in OPERATIONS:
        for amount in (0.9, -0.9):
            changed = operation(image.copy(), amount)
            assert changed.shape == image.shape and changed.dtype == np.uint8
            assert operation.__name__ == "_same" or (changed != image).any()
    for operation in OPERATIONS[1:6] + OPERATIONS[8:]:  # these are nothing at strength 0
        assert np.abs(operation(image.copy(), 0.0).astype(int) - image).max() <= 1


def test_light_changes_only_where_it_is_asked_to() -> None:
    image = np.full((16, 16, 3), 100, np.uint8)
    assert change_light(image, ImageAugment(), np.random.default_rng(0)) is image
    bright = [change_light(image, ImageAugment(brightness=0.5), np.random.default_rng(k)).mean() for k in range(20)]
    assert 45 <= min(bright) < 80 and 120 < max(bright) <= 155
