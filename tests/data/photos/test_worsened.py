from pathlib import Path

import cv2
import numpy as np
import pytest

from smalti.arrays import Picture
from smalti.data.photos import worsened
from smalti.data.photos.worsened import Worsened, applicable, find_originals
from smalti.errors import DataError, RasterError
from smalti.photos.cues import CUES, cues
from tests.data.photos.tiny import scene, write


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    for number in range(2):
        write(folder / "deep" / f"{number}.png", scene(number, 420, 560))
    write(folder / "small.png", scene(9, 100, 100))
    return folder


def made(originals: Path, seed: int = 0) -> Worsened:
    return Worsened(find_originals([originals]), (), 12, (3, 5), 500, seed)


def test_small_photos_are_left_out_and_single_ones_taken(originals: Path) -> None:
    assert [path.name for path in find_originals([originals])] == ["0.png", "1.png"]
    assert [path.name for path in find_originals([originals / "deep" / "1.png"])] == ["1.png"]


def test_folders_without_originals_and_broken_ones_are_named(originals: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no photos"):
        find_originals([tmp_path])
    with pytest.raises(DataError, match="none of 1 photos has 360 pixels"):
        find_originals([originals / "small.png"])
    (tmp_path / "cut.png").write_bytes((originals / "deep" / "0.png").read_bytes()[:300])
    with pytest.raises(RasterError, match=r"cut\.png"):
        find_originals([tmp_path])


def test_a_series_is_a_function_of_seed_and_number(originals: Path) -> None:
    first, again, other = made(originals), made(originals), made(originals, 1)
    for number in (3, 7):
        photos = list(first.pixels(number))
        assert first.truth(number) == again.truth(number) and len(photos) == first.truth(number).photos
        for one, same in zip(photos, again.pixels(number), strict=True):
            np.testing.assert_array_equal(one, same)
        assert len({photo.shape for photo in photos}) == 1 and max(photos[0].shape) <= 501
    assert any(first.truth(n) != other.truth(n) for n in range(12))
    assert len(first.keys) == 2


def test_more_defocus_is_less_detail_all_along(originals: Path) -> None:
    collection = made(originals)
    number = next(n for n in range(400) if collection.truth(n).name.endswith(": defocus"))
    truth = collection.truth(number)
    fine = [cues(photo)[CUES.index("detail_0_p90")] for photo in collection.pixels(number)]
    assert truth.order and list(truth.order) == sorted(range(len(fine)), key=lambda i: -fine[i])


def test_only_what_certainly_worsens_is_done() -> None:
    plain = applicable(scene(0, 420, 560))
    assert {"defocus", "motion", "noise", "compression", "tilt"} <= set(plain) and "cut" not in plain
    white: Picture = (scene(0, 420, 560) // 4 + 190).astype(np.uint8)
    assert "dark" not in applicable(white) and "bright" not in applicable((white - 180).astype(np.uint8))
    leaning = cv2.warpAffine(scene(0, 420, 560), cv2.getRotationMatrix2D((280, 210), 5, 1.3), (560, 420))
    assert "tilt" not in applicable(leaning.astype(np.uint8))
    middle = np.full((420, 560, 3), 110, np.uint8)
    middle[150:270, 200:360] = scene(1, 120, 160)
    assert "cut" in applicable(middle)


def test_drawn_scenes_serve_as_originals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worsened, "DRAWN_SIDE", 400)
    collection = Worsened([], (3,), 1, (3, 3), 400, 0)
    assert collection.keys == {"drawn scene 3"} and len(list(collection.pixels(0))) == collection.truth(0).photos
    with pytest.raises(DataError, match="no originals for synthetic series"):
        Worsened([], (), 1, (3, 3), 400, 0)
