from pathlib import Path

import numpy as np
import pytest

from smalti.data.photos.series import Truth, check_split, ranked_folders
from smalti.errors import DataError
from tests.data.photos.tiny import scene, write, write_ranked


def test_a_folder_of_ranked_series_is_read_best_first(tmp_path: Path) -> None:
    write_ranked(tmp_path, 2)
    write(tmp_path / "alone" / "01.png", scene())
    found = ranked_folders(tmp_path)
    assert [found.truth(k).name for k in range(len(found))] == ["s0", "s1"]
    truth = found.truth(0)
    assert truth.order == (0, 1, 2) and truth.best == 0
    assert truth.preferences == ((0, 1, 1.0), (0, 2, 1.0), (1, 2, 1.0))
    first, *_ = found.pixels(0)
    np.testing.assert_array_equal(first, scene(0))


def test_hidden_files_are_no_photos_of_a_series(tmp_path: Path) -> None:
    write_ranked(tmp_path, 1)
    (tmp_path / "s0" / "._01.jpg").write_bytes(b"\0\5\26\7junk")
    write_ranked(tmp_path / "@eaDir", 1)
    assert [ranked_folders(tmp_path).truth(0).photos, len(ranked_folders(tmp_path))] == [3, 1]


@pytest.mark.parametrize("place", ["", "absent"])
def test_a_folder_without_series_says_what_is_expected(tmp_path: Path, place: str) -> None:
    with pytest.raises(DataError, match="series"):
        ranked_folders(tmp_path / place)


def test_the_best_photo_is_the_one_that_beats_all_others() -> None:
    assert Truth("a", 3, ((0, 1, 0.2), (1, 2, 0.9), (0, 2, 0.5))).best == 1
    assert Truth("a", 3, ((0, 1, 0.2), (2, 0, 0.9))).best is None
    assert Truth("a", 3, ((0, 1, 0.9), (1, 2, 0.9), (2, 0, 0.9))).best is None


def test_a_series_on_both_sides_is_refused(tmp_path: Path) -> None:
    write_ranked(tmp_path / "one", 1)
    write_ranked(tmp_path / "two", 1)
    one, two = ranked_folders(tmp_path / "one"), ranked_folders(tmp_path / "two")
    check_split([one], [two], ("training", "validation"))
    with pytest.raises(DataError, match=r"for training and for validation \(4 in all\); split by series"):
        check_split([two, one], [one], ("training", "validation"))
