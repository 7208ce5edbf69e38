"""What a person decided, read back."""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from smalti.errors import DataError
from smalti.photos.choices import match, overrule, read_choices, regroup
from smalti.photos.listing import list_photos
from smalti.photos.photo import Choice, Photo, RankedFolder, Series, Verdict
from smalti.photos.run import rank_photos
from tests.photos.results import photo as made
from tests.photos.results import ranked
from tests.photos.shots import FakeRanker, blurred, photo, save, scene, tags

A, B = "a" * 32, "b" * 32


def choice(content: str, verdict: Verdict | None = "pick", **more: Any) -> Choice:
    return Choice(content, more.get("file", "x.jpg"), verdict, more.get("series"), more.get("at", 1))


def write(path: Path, *choices: Choice) -> Path:
    path.write_text(json.dumps({"smalti": "choices 1", "photos": [asdict(one) for one in choices]}))
    return path


def test_what_the_page_saves_is_read(tmp_path: Path) -> None:
    saved = (choice(A), choice(B, None, series="s", file="é/ü.jpg", at=1_700_000_000_000))
    file = write(tmp_path / "choices.json", *saved)
    assert read_choices(file) == saved
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())  # as an editor saves it again
    assert read_choices(file) == saved


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"series,order,file\r\n",
        b"\xff\xfe\x00",
        b"[]",
        b"{}",
        b'{"smalti": "choices 2", "photos": []}',
        b'{"smalti": "choices 1", "photos": [{}]}',
        b'{"smalti": "choices 1", "photos": [], "more": 1}',
        json.dumps({"smalti": "choices 1", "photos": [asdict(choice(A)) | {"verdict": "best"}]}).encode(),
        json.dumps({"smalti": "choices 1", "photos": [asdict(choice(A)) | {"at": "now"}]}).encode(),
        json.dumps({"smalti": "choices 1", "photos": [asdict(choice("short"))]}).encode(),
        json.dumps({"smalti": "choices 1", "photos": [asdict(choice(A)) | {"line\nend": 1}]}).encode(),
        b"[" * 100_000,
    ],
)
def test_anything_else_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.json").write_bytes(content)
    with pytest.raises(DataError, match=r"c\.json: holds no choices .*'choices' saves") as caught:
        read_choices(tmp_path / "c.json")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.json", tmp_path):
        with pytest.raises(DataError, match=r"cannot be read: .*; give the file"):
            read_choices(path)


def test_photos_of_one_content_share_its_choices_by_path_then_name_then_order() -> None:
    photos = [photo("in/a.jpg"), photo("in/sub/a.jpg"), photo("in/z.jpg")]
    photos = [replace(one, content=A) for one in photos]
    found = match([choice(A, "reject", file="sub/a.jpg"), choice(A, "pick", file="old/a.jpg")], photos, Path("in"))
    assert {i: one.verdict for i, one in found.items()} == {1: "reject", 0: "pick"}
    assert match([choice(A, file="gone.jpg"), choice(B)], photos, Path("in")) == {0: choice(A, file="gone.jpg")}


def test_the_later_of_two_choices_about_a_photo_holds() -> None:
    photos = [Photo(Path("in/x.jpg"), (Path("in/x.jpg"),), None, "", "", 1, 1, A, A, None)] * 2
    for both in ([choice(A, "pick", at=1), choice(A, "reject", at=2)], [choice(A, "reject", at=2), choice(A, at=1)]):
        assert match(both, photos[:1], Path("in"))[0].verdict == "reject"
        assert len(match(both, photos, Path("in"))) == 1


def at(*times: float) -> list[Photo]:
    return [photo(f"{k}.jpg", time) for k, time in enumerate(times)]


def test_series_made_by_hand_go_before_the_program() -> None:
    photos = at(0, 1, 2, 3, 4)
    assert regroup([[0, 1, 2], [3, 4]], photos, {}) == [[0, 1, 2], [3, 4]]
    assert regroup([[0, 1, 2], [3, 4]], photos, {0: "p", 1: "q", 2: "q"}) == [[0], [1, 2], [3, 4]]
    assert regroup([[0, 1, 2], [3, 4]], photos, dict.fromkeys(range(5), "p")) == [[0, 1, 2, 3, 4]]
    assert regroup([[0, 1, 2], [3, 4]], photos, {2: "p", 3: "p", 4: "p", 0: "q", 1: "q"}) == [[0, 1], [2, 3, 4]]


def test_a_new_photo_goes_with_the_nearest_of_its_series() -> None:
    photos = at(0, 1, 2, 3, 4, 5)
    assert regroup([[0, 1, 2, 3, 4, 5]], photos, {0: "p", 1: "p", 4: "q", 5: "q"}) == [[0, 1, 2], [3, 4, 5]]
    assert regroup([[5, 3, 1, 0, 2, 4]], photos, {1: "p"}) == [[0, 1, 2, 3, 4, 5]]
    assert regroup([[0, 1], [2, 3], [4, 5]], photos, {0: "p", 3: "p"}) == [[0, 1, 2, 3], [4, 5]]


def series(*verdicts: Verdict) -> Series:
    return Series("s", tuple(ranked(made(Path(f"{k}.jpg")), verdict) for k, verdict in enumerate(verdicts)))


def decided(**verdicts: Verdict) -> dict[Path, Choice]:
    return {Path(f"{name[1:]}.jpg"): choice(A, verdict) for name, verdict in verdicts.items()}


@pytest.mark.parametrize(
    ("mine", "expected"),
    [
        ({"_2": "pick"}, "alternate alternate pick"),
        ({"_1": "pick", "_2": "pick"}, "alternate pick pick"),
        ({"_0": "pick", "_2": "pick"}, "pick alternate pick"),
        ({"_0": "reject"}, "reject pick reject"),
        ({"_0": "reject", "_1": "alternate"}, "reject alternate pick"),
        ({"_0": "reject", "_1": "reject", "_2": "reject"}, "reject reject reject"),
        ({"_2": "alternate"}, "pick alternate alternate"),
        ({}, "pick alternate reject"),
    ],
)
def test_one_pick_unless_more_were_chosen(mine: dict[str, Verdict], expected: str) -> None:
    found = overrule(series("pick", "alternate", "reject"), decided(**mine))
    assert " ".join(one.verdict for one in found.ranked) == expected
    assert [one.chosen for one in found.ranked] == [f"_{k}" in mine for k in range(3)]
    if mine:
        assert [one.proposed for one in found.ranked] == ["pick", "alternate", "reject"]


def test_a_series_without_a_pick_of_the_model_gets_none() -> None:
    found = overrule(series("alternate", "alternate"), decided(_0="reject"))
    assert [one.verdict for one in found.ranked] == ["reject", "alternate"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for k, sigma in enumerate((2.0, 0.01, 0.8)):
        save(tmp_path / "in" / f"{k}.jpg", blurred(scene(1), sigma), tags(f"2024:05:17 12:00:0{k}"), quality=95)
    save(tmp_path / "in" / "other.png", scene(2))
    return tmp_path / "in"


def verdicts(result: RankedFolder) -> list[dict[str, str]]:
    return [{one.photo.path.name: one.verdict for one in series.ranked} for series in result.series]


def follow(folder: Path, *choices: Choice) -> RankedFolder:
    return rank_photos(folder, list_photos(folder), ranker=FakeRanker(), choices=choices)


def test_choices_survive_renaming_new_photos_and_edited_metadata(folder: Path, tmp_path: Path) -> None:
    plain = rank_photos(folder, list_photos(folder), ranker=FakeRanker())
    assert verdicts(plain)[0] == {"1.jpg": "pick", "2.jpg": "reject", "0.jpg": "reject"}
    contents = {one.photo.path.name: one.photo.content for series in plain.series for one in series.ranked}
    mine = choice(contents["2.jpg"], "pick", file="2.jpg")
    assert verdicts(follow(folder, mine))[0] == {"1.jpg": "alternate", "2.jpg": "pick", "0.jpg": "reject"}

    moved = tmp_path / "moved" / "sub"
    shutil.copytree(folder, moved)
    save(moved / "new.jpg", blurred(scene(1), 0.3), tags("2024:05:17 12:00:03"), quality=95)
    with Image.open(moved / "2.jpg") as image:  # another rating, the same coded pixels
        edited = image.getexif()
    edited[0x4746] = 5
    before = (moved / "2.jpg").read_bytes()
    block = edited.tobytes()
    segment = b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block
    (moved / "2.jpg").unlink()
    length = int.from_bytes(before[22:24], "big")
    assert before[20:22] == b"\xff\xe1"
    (moved / "renamed.jpg").write_bytes(before[:20] + segment + before[22 + length :])
    found = verdicts(follow(tmp_path / "moved", mine))[0]
    assert found["renamed.jpg"] == "pick" and list(found.values()).count("pick") == 1 and len(found) == 4


def test_series_made_by_hand_are_ranked_anew(folder: Path) -> None:
    plain = rank_photos(folder, list_photos(folder), ranker=FakeRanker())
    contents = {one.photo.path.name: one.photo.content for series in plain.series for one in series.ranked}
    hand = {"0.jpg": "p", "other.png": "p", "1.jpg": "q", "2.jpg": "q"}
    choices = [choice(contents[name], None, file=name, series=part) for name, part in hand.items()]
    found = follow(folder, *choices)
    assert [set(one) for one in verdicts(found)] == [{"0.jpg", "other.png"}, {"1.jpg", "2.jpg"}]
    assert all(list(one.values()).count("pick") == 1 for one in verdicts(found))
    assert [one.name for one in found.series] == ["0.jpg", "1.jpg"]
