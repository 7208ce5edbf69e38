"""The walk through a folder."""

import shutil
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

from smalti.errors import BusyError
from smalti.lock import hold
from smalti.photos import run
from smalti.photos.cache import NAME
from smalti.photos.cues import CUES
from smalti.photos.listing import list_photos
from smalti.photos.photo import Photo, RankedFolder
from smalti.photos.read import read_photo
from smalti.photos.run import Ranker, dhash, rank_photos
from smalti.runtime.models import BUNDLED
from smalti.runtime.ranker import open_ranker
from tests.photos.shots import FakeRanker, blurred, save, scene, tags


def rank(folder: Path, ranker: Ranker | None = None) -> RankedFolder:
    return rank_photos(folder, list_photos(folder), ranker=ranker or FakeRanker())


def names(result: RankedFolder) -> list[list[str]]:
    return [[one.photo.path.name for one in series.ranked] for series in result.series]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three shots of one subject, the second one sharp, and another subject."""
    for k, sigma in enumerate((2.0, 0.01, 0.8)):
        picture = blurred(scene(1), sigma)
        save(tmp_path / "photos" / f"{k}.jpg", picture, tags(f"2024:05:17 12:00:0{k}"), quality=95)
    save(tmp_path / "photos" / "other.png", scene(2))
    return tmp_path / "photos"


def test_the_best_of_each_series(folder: Path) -> None:
    result = rank(folder)
    assert names(result) == [["1.jpg", "2.jpg", "0.jpg"], ["other.png"]]
    assert [series.name for series in result.series] == ["0.jpg", "other.png"]
    assert result.series[0].ranked[2].reasons == ("soft",)
    assert result.how == "4 photos in 2 series by time and similarity, ranked by fake (ffffffff)"


def test_nothing_is_changed_among_the_photos(folder: Path) -> None:
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    rank(folder)
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir() if path.name != NAME}
    assert after == before


def test_the_order_of_the_listing_decides_nothing(folder: Path) -> None:
    shots = list_photos(folder)
    assert names(rank_photos(folder, shots[::-1], ranker=FakeRanker())) == names(rank(folder))


def test_each_decoded_photo_is_handed_on_once(folder: Path) -> None:
    handed: list[tuple[Photo, np.ndarray]] = []
    for _ in range(2):
        rank_photos(folder, list_photos(folder), ranker=FakeRanker(), keep=lambda *these: handed.append(these))
    assert sorted(photo.path.name for photo, _ in handed) == ["0.jpg", "1.jpg", "2.jpg", "other.png"]
    assert all(np.array_equal(picture, read_photo(photo.path)) for photo, picture in handed)


def test_a_second_run_looks_at_no_photo_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = rank(folder)
    monkeypatch.setattr(run, "pixels", None)
    again = rank(folder)
    assert names(again) == names(first)
    assert [[r.look.score for r in s.ranked] for s in again.series] == [
        [r.look.score for r in s.ranked] for s in first.series
    ]


def test_a_photo_that_moved_is_known_and_one_that_changed_is_not(folder: Path) -> None:
    rank(folder)
    (folder / "0.jpg").rename(folder / "moved.jpg")
    save(folder / "2.jpg", scene(3))
    ranker = FakeRanker()
    rank(folder, ranker)
    assert ranker.seen == 1


def test_a_run_that_was_cut_short_goes_on(folder: Path) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    ranker = FakeRanker()
    for k in range(30):
        (folder / f"after {k:02}.png").write_bytes((folder / "other.png").read_bytes() + bytes([k]))
    with pytest.raises(KeyboardInterrupt):
        rank_photos(folder, list_photos(folder), ranker=ranker, progress=stop)
    assert ranker.seen < 20  # those that had not begun never did
    for path in folder.glob("after*"):
        path.unlink()
    ranker = FakeRanker()
    assert names(rank(folder, ranker))[0] == ["1.jpg", "2.jpg", "0.jpg"]
    assert ranker.seen == 3


def test_what_cannot_be_read_is_listed_and_the_rest_goes_on(folder: Path) -> None:
    (folder / "1.jpg").write_bytes((folder / "1.jpg").read_bytes()[:2000])
    (folder / "zero.jpg").touch()
    result = rank(folder)
    assert names(result) == [["2.jpg", "0.jpg"], ["other.png"]]
    assert [(unread.path.name, unread.reason) for unread in result.unread] == [
        ("1.jpg", "is truncated (its JPEG has no end); copy it again"),
        ("zero.jpg", "is empty; copy it again"),
    ]
    assert result.how.endswith(", 2 not read")


def test_all_unreadable_is_no_series(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    result = rank(tmp_path)
    assert result.series == () and len(result.unread) == 1


def test_progress_counts_every_photo(folder: Path) -> None:
    (folder / "zero.jpg").touch()
    done: list[int] = []
    rank_photos(folder, list_photos(folder), ranker=FakeRanker(), progress=done.append)
    assert done == [1] * 5


def test_warnings_of_the_caller_are_not_swallowed(folder: Path) -> None:
    with pytest.warns(UserWarning, match="mine"):
        rank_photos(
            folder, list_photos(folder), ranker=FakeRanker(), progress=lambda done: warnings.warn("mine", stacklevel=1)
        )


def test_two_runs_at_once_are_refused_with_the_holder(folder: Path) -> None:
    with hold(folder / NAME / "looks.sqlite"), pytest.raises(BusyError, match=r"PID \d+ on .* is already"):
        rank(folder)


def test_large_photos_are_decoded_one_at_a_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LARGE", 1000)
    inside, most, lock = 0, 0, threading.Lock()

    def count(opened: object) -> np.ndarray:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        threading.Event().wait(0.02)
        with lock:
            inside -= 1
        return scene(1)

    monkeypatch.setattr(run, "pixels", count)
    rank(folder)
    assert most == 1


def test_the_hash_is_of_the_gradients_left_to_right() -> None:
    falling = np.repeat(np.linspace(255, 0, 90, dtype=np.uint8)[None, :, None], 80, 0).repeat(3, 2)
    assert dhash(falling) == 0
    assert dhash(falling[:, ::-1]) == 2**64 - 1
    half = falling.copy()
    half[40:] = falling[40:, ::-1]
    assert dhash(half) == 2**32 - 1


def test_the_hash_of_a_photo_and_of_its_small_version_are_near() -> None:
    picture = blurred(scene(4, 1200, 1200), 3)
    small = picture[2::5, 2::5]
    assert (dhash(picture) ^ dhash(small)).bit_count() <= 3
    assert (dhash(picture) ^ dhash(scene(5))).bit_count() >= 16


@pytest.fixture
def series_photos(shared_data: Path, tmp_path: Path) -> Path:
    place = shared_data / "series-photos"
    if not place.is_dir():
        pytest.skip(f"no series of photos at {place}")
    for path in place.rglob("*.[jJ][pP][gG]"):
        copied = tmp_path / path.relative_to(place)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copied)
    return tmp_path


@pytest.fixture(params=["fake", "bestshot"])
def ranker(request: pytest.FixtureRequest) -> Ranker:
    """What embeds the real photos: their colours, and the bundled model."""
    if request.param == "fake":
        return FakeRanker()
    if not (BUNDLED / f"{request.param}.onnx").is_file():
        pytest.skip(f"{request.param} is not bundled")
    return open_ranker(request.param, CUES, threads=1)


@pytest.mark.slow
def test_real_near_duplicates_are_series_and_single_photos_are_none(series_photos: Path, ranker: Ranker) -> None:
    found = {frozenset(members) for members in names(rank(series_photos / "spring-cleaning", ranker))}
    files = [path.name for path in (series_photos / "spring-cleaning").glob("*.JPG")]
    assert found == {frozenset(f for f in files if f[:2] == subject[:2]) for subject in files}
    assert sum(len(members) == 2 for members in found) == 7


@pytest.mark.slow
def test_real_focus_series_are_one_series_each(series_photos: Path, ranker: Ranker) -> None:
    found = names(rank(series_photos / "focus-stack", ranker))
    assert sorted(map(len, found)) == [1, 5, 7]  # the one photo without a time was made of the seven
    assert ["expected.jpg"] in found


def test_real_photos_can_all_be_read(series_photos: Path) -> None:
    for path in series_photos.rglob("pcb_00[02].JPG"):
        assert read_photo(path).shape == (1536, 2048, 3)
