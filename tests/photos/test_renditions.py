"""Full-size JPEGs of what browsers cannot show."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from smalti.errors import OutputError
from smalti.photos import renditions
from smalti.photos.listing import Shot
from smalti.photos.photo import Photo
from smalti.photos.read import open_photo, read_photo
from smalti.photos.renditions import Renditions, shown_by_browsers
from tests.photos.shots import raw, save, scene, tags


def photo(path: Path, *others: Path) -> Photo:
    return open_photo(Shot(path, (path, *others))).photo


def test_a_rendition_is_the_upright_picture_in_full_size(tmp_path: Path) -> None:
    shot = photo(save(tmp_path / "1.tif", scene(1, 60, 90), tags(orientation=6)))
    full = Renditions(tmp_path / "t").full(shot)
    assert full.path is not None and full.note == "a JPEG copy"
    with Image.open(full.path) as image:
        assert image.size == (60, 90)
        assert np.abs(np.asarray(image).astype(int) - read_photo(shot.path)).mean() < 12


def test_what_was_decoded_is_kept_and_not_decoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shot = photo(save(tmp_path / "1.tif", scene(1)))
    Renditions(tmp_path / "t").keep(shot, scene(1))
    monkeypatch.setattr(renditions, "pixels", None)
    assert Renditions(tmp_path / "t").full(shot).path is not None


def test_photos_that_browsers_show_need_none(tmp_path: Path) -> None:
    for kind in ("jpg", "png", "webp", "gif", "bmp"):
        Image.fromarray(scene(1)).save(tmp_path / f"1.{kind}")
        shot = Photo(tmp_path / "1.x", (tmp_path / f"1.{kind}",), None, "", "", 1, 1, "0" * 64, "0" * 32, None)
        assert shown_by_browsers(shot) == tmp_path / f"1.{kind}"
        made = Renditions(tmp_path / "t")
        made.keep(shot, scene(1))
        assert made.full(shot).path == tmp_path / f"1.{kind}" and not (tmp_path / "t").exists()
    turned = photo(save(tmp_path / "3.webp", scene(1, 60, 90), tags(orientation=6)))
    assert shown_by_browsers(turned) is None  # browsers leave it lying
    misnamed = save(tmp_path / "2.tif", scene(1)).rename(tmp_path / "2.jpg")
    assert shown_by_browsers(photo(misnamed)) is None


def test_a_raw_is_shown_by_the_jpeg_beside_it_or_inside_it(tmp_path: Path) -> None:
    preview = cv2.imencode(".jpg", scene(1, 480, 640))[1].tobytes()
    shot = photo(raw(tmp_path / "1.nef", preview))
    assert Renditions(tmp_path / "t").full(shot).note == "the camera's JPEG inside the RAW"
    beside = save(tmp_path / "1.jpg", scene(1))
    assert Renditions(tmp_path / "t").full(photo(shot.path, beside)).path == beside


def test_a_large_picture_is_made_smaller_and_this_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renditions, "MOST_PIXELS", 50 * 75)
    full = Renditions(tmp_path / "t").full(photo(save(tmp_path / "1.tif", scene(1, 100, 150))))
    assert full.path is not None and full.note == "a JPEG copy, at 50 % of its size"
    with Image.open(full.path) as image:
        assert image.size == (75, 50)
    monkeypatch.setattr(renditions, "MOST_SIDE", 30)
    with Image.open(Renditions(tmp_path / "u").full(photo(tmp_path / "1.tif")).path or "") as image:
        assert image.size == (30, 20)


def test_all_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = [photo(save(tmp_path / f"{k}.tif", scene(k))) for k in range(4)]
    first = Renditions(tmp_path / "t").full(photos[0]).path
    assert first is not None
    monkeypatch.setattr(renditions, "MOST_BYTES", first.stat().st_size + 1)
    made = Renditions(tmp_path / "t")  # what is there counts
    assert made.full(photos[1]).path is not None
    assert made.full(photos[2]).path is None
    assert "are used up" in made.full(photos[3]).note
    made.keep(photos[3], scene(3))
    assert len(list((tmp_path / "t").iterdir())) == 2
    made.keep_only(photos[2:])
    assert list((tmp_path / "t").iterdir()) == [] and made.full(photos[2]).path is not None


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    made = Renditions(tmp_path)
    made.full(photo(save(tmp_path / "in" / "1.tif", scene(1))))
    for name in ("mine-full.jpg", "0" * 32 + ".jpg"):
        (tmp_path / name).touch()
    made.keep_only([])
    assert {path.name for path in tmp_path.iterdir()} == {"mine-full.jpg", "0" * 32 + ".jpg", "in"}


def test_a_photo_that_is_gone_has_none(tmp_path: Path) -> None:
    shot = photo(save(tmp_path / "1.tif", scene(1)))
    shot.path.unlink()
    full = Renditions(tmp_path / "t").full(shot)
    assert full.path is None and "can no longer be read" in full.note


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    shot = photo(save(tmp_path / "1.tif", scene(1)))
    (tmp_path / "t").touch()
    with pytest.raises(OutputError, match=r"cannot be written"):
        Renditions(tmp_path / "t").full(shot)
