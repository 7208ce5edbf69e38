import unicodedata
from pathlib import Path

import numpy as np
import pytest

from smalti.card import Task
from smalti.data.images.adience import age_group, read_adience
from smalti.data.images.class_folders import class_names, read_class_folders
from smalti.data.images.labelled import label
from smalti.data.images.listing import check_apart, check_files
from smalti.data.images.table import read_table
from smalti.errors import DataError
from tests.data.images.tiny import write_adience, write_class_folders, write_photo

COLOUR = Task(name="colour", kind="image_classes", labels=("red", "green", "blue"))
SIZE = Task(name="size", kind="image_value", unit="cm", minimum=0.0)


def table(folder: Path, text: str) -> Path:
    path = folder / "faces.csv"
    path.write_text(text)
    return path


def test_folders_are_classes(tmp_path: Path) -> None:
    write_class_folders(tmp_path, 2)
    (tmp_path / "red" / "notes.txt").write_text("no image")
    listing = read_class_folders(tmp_path, "colour")
    assert listing.files[:3] == ["blue/0.jpg", "blue/1.jpg", "green/0.jpg"]
    images = label([listing], [COLOUR, SIZE])
    assert images.targets["colour"].tolist() == [2, 2, 1, 1, 0, 0] and images.known("colour") == 6
    assert np.isnan(images.targets["size"]).all() and images.known("size") == 0
    assert images.counts(COLOUR).tolist() == [2, 2, 2]
    check_files([listing])


def test_an_empty_class_and_one_that_is_new_are_named(tmp_path: Path) -> None:
    write_class_folders(tmp_path / "val", 1, ["red", "blue"])
    old = Task(name="colour", kind="image_classes", labels=("red", "blu"))
    with pytest.raises(DataError, match=r"val/blue/0.jpg: 'blue' is none of the 2 classes .* \(nearest: blu\)"):
        label([read_class_folders(tmp_path / "val", "colour")], [old])
    (tmp_path / "val" / "green").mkdir()
    with pytest.raises(DataError, match="green: no image of this class"):
        read_class_folders(tmp_path / "val", "colour")
    with pytest.raises(DataError, match="has no class folders"):
        read_class_folders(tmp_path / "val" / "red", "colour")
    with pytest.raises(DataError, match="cannot be listed: no such file"):
        read_class_folders(tmp_path / "valid", "colour")


def test_a_table_has_a_column_per_task(tmp_path: Path) -> None:
    path = table(tmp_path, "file, colour,size,who\na.jpg,red,1.5,x\nb.jpg,,,\n")
    listing = read_table(path, tmp_path, ["colour", "size"], "who")
    images = label([listing], [COLOUR, SIZE])
    assert images.targets["colour"].tolist() == [0, -1]
    np.testing.assert_array_equal(images.targets["size"], np.float32([1.5, np.nan]))
    assert listing.subjects == ["x", ""]


def test_what_a_system_leaves_is_no_image_and_no_class(tmp_path: Path) -> None:
    write_class_folders(tmp_path, 2)
    (tmp_path / "red" / "._0.jpg").write_bytes(b"\0\5\26\7junk")
    (tmp_path / "@eaDir").mkdir()
    assert class_names(tmp_path) == ["blue", "green", "red"]
    assert read_class_folders(tmp_path, "colour").files[4:] == ["red/0.jpg", "red/1.jpg"]


@pytest.mark.parametrize(("there", "said"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_names_are_found_in_either_form_of_unicode(tmp_path: Path, there: str, said: str) -> None:
    ours, theirs = (unicodedata.normalize(form, "for\u00eat") for form in (there, said))
    (tmp_path / f"{ours}.jpg").write_bytes(b"")
    listing = read_table(table(tmp_path, f"file,kind\n{theirs}.jpg,{theirs}\n"), tmp_path, ["kind"])
    assert listing.files == [f"{ours}.jpg"]
    task = Task(name="kind", kind="image_classes", labels=("other", ours))
    assert label([listing], [task]).targets["kind"].tolist() == [1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file,color\na.jpg,red\n", "has no column 'colour'; it has file, color"),
        ("file,colour\n", "has no rows below the header"),
        ("file,colour\na.jpg,red\n,red\n", "line 3: names no file"),
        ("file,colour\na.jpg,red\na.jpg,red\n", "has a.jpg on 2 lines"),
        ("file,colour\na.jpg,rod\n", r"a.jpg: 'rod' is none of the 3 classes of colour .* \(nearest: red\)"),
    ],
)
def test_a_wrong_table_gets_one_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        label([read_table(table(tmp_path, text), tmp_path, ["colour"])], [COLOUR])


@pytest.mark.parametrize(
    ("cell", "says"), [("tall", "'tall' is not a number"), ("inf", "not a number"), ("-1", "below its")]
)
def test_a_wrong_value_is_named(tmp_path: Path, cell: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        label([read_table(table(tmp_path, f"file,size\na.jpg,{cell}\n"), tmp_path, ["size"])], [SIZE])


def test_files_that_are_missing_empty_cut_or_no_image_are_named(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.jpg", "red", 0)
    whole = (tmp_path / "a.jpg").read_bytes()
    broken = {"cut": whole[:-40], "empty": b"", "text": b"hello there, I am a text"}
    for name, content in broken.items():
        (tmp_path / f"{name}.jpg").write_bytes(content)
    (tmp_path / "long.jpg").write_bytes(whole + bytes(9000))  # some cameras write more behind the end
    for name, says in (("cut", "is truncated"), ("empty", "is empty"), ("text", "is no JPEG"), ("gone", "is missing")):
        listing = read_table(table(tmp_path, f"file\na.jpg\nlong.jpg\n{name}.jpg\n"), tmp_path, [])
        with pytest.raises(DataError, match=f"{name}.jpg: {says}"):
            check_files([listing])


def test_a_file_is_one_however_a_table_spells_it(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.jpg", "red", 0)
    spelled = [f"{name}.csv" for name in ("plain", "dotted", "whole")]
    for name, file in zip(spelled, ("a.jpg", "./b/../a.jpg", tmp_path / "a.jpg"), strict=True):
        (tmp_path / name).write_text(f"file\n{file}\n")
    listings = [read_table(tmp_path / name, tmp_path, []) for name in spelled]
    for other in listings[1:]:
        assert label([other], []).files == [str(tmp_path / "a.jpg")]
        with pytest.raises(DataError, match=r"a\.jpg: is in training and validation"):
            check_apart([listings[0]], [other], ("training", "validation"))
    with pytest.raises(DataError, match=r"has a\.jpg on 2 lines"):
        read_table(table(tmp_path, "file\na.jpg\n./a.jpg\n"), tmp_path, [])


def test_parts_share_no_file_and_no_subject(tmp_path: Path) -> None:
    path = table(tmp_path, "file,who\na.jpg,ann\nb.jpg,bob\n")
    other = tmp_path / "other.csv"
    other.write_text("file,who\nc.jpg,bob\n")
    one, two = (read_table(p, tmp_path, [], "who") for p in (path, other))
    with pytest.raises(DataError, match="subject 'bob' is in training and test"):
        check_apart([one], [two], ("training", "test"))
    with pytest.raises(DataError, match=r"b.jpg|a.jpg: is in training and test, and 1 more"):
        check_apart([one], [one], ("training", "test"))
    check_apart([one], [read_table(other, tmp_path / "elsewhere", [])], ("training", "test"))


def test_adience_is_read_as_it_is_distributed(tmp_path: Path) -> None:
    write_adience(tmp_path, 3)
    listing = read_adience(tmp_path, [0, 2], "aligned")
    check_files([listing])
    assert listing.files[0] == "aligned/0@N0/landmark_aligned_face.100.0.jpg"
    assert read_adience(tmp_path, [1], "faces").files[0] == "faces/1@N0/coarse_tilt_aligned_face.100.0.jpg"
    assert listing.columns["gender"] == ["f", "m", ""] * 2 and set(listing.subjects) == {"0@N0", "2@N0"}
    assert listing.columns["age"] == ["(0, 2)", "(25, 32)", "", "", "", "(60, 100)"]
    with pytest.raises(DataError, match="subject '2@N0'"):
        check_apart([listing], [read_adience(tmp_path, [2], "faces")], ("training", "test"))
    (tmp_path / "fold_3_data.txt").unlink()
    with pytest.raises(DataError, match=r"fold_3_data.txt: is missing; Adience comes with fold_0_data.txt to"):
        read_adience(tmp_path, [3], "aligned")
    (tmp_path / "fold_3_data.txt").write_text("user_id,age\n")
    with pytest.raises(DataError, match="has no column 'user_id'"):
        read_adience(tmp_path, [3], "aligned")


def test_odd_ages_get_the_nearest_group_or_none() -> None:
    groups = {
        "(8, 12)": ["(8, 12)", "13"],
        "(15, 20)": ["22"],
        "(25, 32)": ["23", "29", "32", "34", "(27, 32)"],
        "(38, 43)": ["36", "42", "45", "(38, 42)"],
        "(48, 53)": ["46", "55", "56"],
        "(60, 100)": ["57", "58"],
        "(0, 2)": ["2"],
        "": ["3", "35", "(8, 23)", "(38, 48)", "None", ""],
    }
    for group, ages in groups.items():
        assert {age: age_group(age) for age in ages} == dict.fromkeys(ages, group)
