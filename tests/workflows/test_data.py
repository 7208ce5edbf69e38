"""Folders of one's own from Python: looked at and split, with nothing printed."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

import smalti as sm
from smalti.errors import DataError, OptionError, OutputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four pairs of two classes; the labels of a fifth have another size."""
    for kind in ("images", "masks"):
        (tmp_path / "mine" / kind).mkdir(parents=True)
    for k in range(5):
        pixels = np.random.default_rng(k).integers(0, 255, (20, 30, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "mine" / "images" / f"tile{k}.png")
        labels = (pixels[..., 0] > 99).astype(np.uint8)
        Image.fromarray(labels if k < 4 else labels[:9]).save(tmp_path / "mine" / "masks" / f"tile{k}.png")
    return tmp_path / "mine"


def test_a_folder_is_looked_at(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shown: list[sm.Progress] = []
    found = sm.check_data(folder, sheet=tmp_path / "sheet.png", progress=shown.append)
    assert (found.images, found.unusable, len(found.problems)) == (5, 1, 1) and "tile4" in found.problems[0]
    assert found.survey.pixels.total() == 4 * 20 * 30 and found.sheet == tmp_path / "sheet.png"
    text = str(found)
    assert 'labels = ["class 0", "class 1"]' in text and text.endswith(f"cannot be used: 1\n  {found.problems[0]}")
    assert [now.done for now in shown] == [1, 2, 3, 4, 5] and shown[0].total == 5
    assert capfd.readouterr() == ("", "")


def test_no_contact_sheet_is_written_unasked(folder: Path, tmp_path: Path) -> None:
    assert sm.check_data(folder).sheet is None and list(tmp_path.iterdir()) == [folder]


def test_a_folder_is_split_by_place(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = sm.split_data(folder, tmp_path / "own", validation=0.25, test=0, place=r"tile\d")
    assert found.images == {"train": 4, "validation": 1} and len(list(found["train"].rglob("*.png"))) == 8
    assert str(found).splitlines()[1:] == [f"{found['train']}: 4 images", f"{found['validation']}: 1 image"]
    assert capfd.readouterr() == ("", "")


def test_what_cannot_be_split_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="leave nothing to train on"):
        sm.split_data(folder, tmp_path / "own", validation=0.5, test=0.5)
    with pytest.raises(OutputError, match="exists already"):
        sm.split_data(folder, folder)
    with pytest.raises(DataError):
        sm.check_data(tmp_path / "masks")


def deep(root: Path, *names: str) -> Path:
    """Images with labels of these names below a folder."""
    for k, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (k, 0, 0)).save(root / f"{name}.png")
        Image.new("L", (8, 8), k % 2).save(root / f"{name}_classes.png")
    return root


def test_equal_names_of_several_folders_are_all_copied(tmp_path: Path) -> None:
    found = sm.split_data(deep(tmp_path / "deep", *(f"s{k}/t" for k in range(6))), tmp_path / "own", place=r"s(\d)")
    assert sum(found.images.values()) == 6
    assert len({path.read_bytes() for path in (tmp_path / "own").rglob("images/*.png")}) == 6
    again = sm.check_data(tmp_path / "own")
    assert (again.images, again.unusable) == (6, 0)


def test_names_that_would_fall_together_are_refused_before_anything_is_copied(tmp_path: Path) -> None:
    source = deep(tmp_path / "deep", "a/b/t", "a_b/t", "c/t", "d/t")
    with pytest.raises(DataError, match=r"t\.png: in the new folder it would have the name of .*; rename one"):
        sm.split_data(source, tmp_path / "own", validation=0, test=0.3, place=r"([acd])[/_]")
    assert list(tmp_path.iterdir()) == [source]


def test_nothing_beside_the_new_folder_is_touched(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "own.partial").mkdir()
    (tmp_path / "own.partial" / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="lies in the folder that is split"):
        sm.split_data(folder, folder / "own")
    sm.split_data(folder, tmp_path / "own", test=0, place=r"tile\d")
    assert (tmp_path / "own.partial" / "thesis.txt").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"mine", "own", "own.partial"}


def test_a_share_that_is_not_a_number_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="leave nothing to train on"):
        sm.split_data(folder, tmp_path / "own", validation=float("nan"))


@pytest.mark.parametrize("value", [1e30, float(2**63)])
def test_values_that_are_no_class_are_named_as_they_are(folder: Path, value: float) -> None:
    Image.fromarray(np.full((20, 30), value, np.float32)).save(folder / "masks" / "tile0.tif")
    (folder / "masks" / "tile0.png").unlink()
    problems = sm.check_data(folder).problems
    assert any(f"tile0.tif: has the value {value:g}; class maps hold whole numbers" in line for line in problems)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_colours_are_bytes(folder: Path) -> None:
    labels = np.zeros((3, 20, 30), np.uint16)
    labels[0, :9], labels[1, 9:] = 60_000, 300
    with rasterio.open(folder / "masks" / "tile0.tif", "w", width=30, height=20, count=3, dtype="uint16") as file:
        file.write(labels)
    (folder / "masks" / "tile0.png").unlink()
    assert any("has colours of uint16 beyond 0 to 255" in line for line in sm.check_data(folder).problems)


def test_labels_that_hide_everything_give_no_recipe(tmp_path: Path) -> None:
    deep(tmp_path / "deep", "a", "b")
    for name in "ab":
        Image.new("RGBA", (8, 8)).save(tmp_path / "deep" / f"{name}_classes.png")
    assert "labels = []" not in str(sm.check_data(tmp_path / "deep"))


@pytest.mark.parametrize("pattern", ["(", "a)"])
def test_a_place_that_is_no_pattern_is_refused(folder: Path, tmp_path: Path, pattern: str) -> None:
    with pytest.raises(OptionError, match="is not a regular expression"):
        sm.split_data(folder, tmp_path / "own", place=pattern)


def test_an_optional_group_of_a_place_may_be_missing(folder: Path, tmp_path: Path) -> None:
    assert sm.split_data(folder, tmp_path / "own", test=0, place=r"(zz)?tile\d").how.startswith("the match of")


@pytest.mark.parametrize("path", ["x" * 5000, "x/" * 3000])
def test_a_path_longer_than_any_is_refused(path: str) -> None:
    with pytest.raises(OptionError, match=r"folder is 'x.*'\.\.\. \(\d,000 characters\); expected a path"):
        sm.check_data(path)
