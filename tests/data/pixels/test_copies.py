"""Copies of an image on both sides of a split, and what the digests of files are."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from PIL import Image
from rasterio.vrt import WarpedVRT

from smalti.card import Card, Task
from smalti.data.cache import stamp_files
from smalti.data.identity import digests, identity, marks
from smalti.data.pixels.copies import check_copies
from smalti.data.pixels.labels import TruthFile
from smalti.data.pixels.scenes import FileScene, Scene
from smalti.errors import DataError
from smalti.raster.label_spec import LabelSpec

TASK = Task(name="classes", labels=("other", "house"))
CARD = Card(name="t", net="ued", tasks=(TASK,))
NAMES = ("training", "validation")


def scene(folder: Path, name: str, pixels: np.ndarray, kind: str = "png") -> Scene:
    Image.fromarray(pixels).save(folder / f"{name}.{kind}")
    Image.new("L", pixels.shape[1::-1]).save(folder / f"{name}_mask.png")
    return FileScene(folder / f"{name}.{kind}", [TruthFile(TASK, folder / f"{name}_mask.png", LabelSpec())], CARD)


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (20, 30, 3)).astype(np.uint8)


def check(ours: list[Scene], theirs: list[Scene]) -> None:
    check_copies(ours, theirs, digests([file for one in (*ours, *theirs) for file in one.files]), NAMES)


def test_a_copy_under_another_name_is_refused(tmp_path: Path) -> None:
    ours = [scene(tmp_path, "a", noise(1)), scene(tmp_path, "b", noise(2))]
    check(ours, [scene(tmp_path, "c", noise(3))])
    with pytest.raises(DataError, match=r"b\.png \(training\) and .*d\.png \(validation\) are copies .* \(1 in all\)"):
        check(ours, [scene(tmp_path, "c", noise(3)), scene(tmp_path, "d", noise(2))])


def test_the_same_picture_in_another_format_is_refused(tmp_path: Path) -> None:
    ours = [scene(tmp_path, "a", noise(1)), scene(tmp_path, "b", noise(2)), scene(tmp_path, "c", noise(1)[:, :-1])]
    with pytest.raises(DataError, match=r"b\.png \(training\) and .*d\.tif \(validation\) are copies .* \(1 in all\)"):
        check(ours, [scene(tmp_path, "d", noise(2), "tif")])
    below = np.concatenate([noise(2), noise(3)])  # the same first rows, others below
    check([scene(tmp_path, "e", below)], [scene(tmp_path, "f", np.concatenate([noise(2), noise(4)]), "tif")])


def test_tiles_of_nothing_are_all_alike(tmp_path: Path) -> None:
    empty = np.full((20, 30, 3), (0, 30, 90), np.uint8)
    check([scene(tmp_path, "a", empty)], [scene(tmp_path, "b", empty), scene(tmp_path, "c", empty, "tif")])


def test_most_images_are_read_in_their_first_rows_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smalti.data.pixels.copies._pixels", None)
    monkeypatch.setattr("smalti.data.pixels.copies._is_uniform", None)
    monkeypatch.setattr(FileScene, "read_targets", None)
    check([scene(tmp_path, "a", noise(1))], [scene(tmp_path, "b", noise(2))])
    monkeypatch.setattr("smalti.data.pixels.copies._first_rows", None)
    check([scene(tmp_path, "c", noise(3))], [scene(tmp_path, "d", noise(3)[:, :-1])])


def test_places_in_one_file_are_no_copies(tmp_path: Path) -> None:
    one = scene(tmp_path, "a", noise(1))
    check([one], [one])


def test_digests_are_of_the_content_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(b"x" * 9000)
    shutil.copy(a, b)
    found = digests([a, b, a])
    assert found[a] == found[b] and len(found) == 2
    b.write_bytes(b"y" + b"x" * 8999)
    changed = digests([a, b])
    assert changed[a] == found[a] != changed[b]
    assert marks([a]) == marks([b])  # by its size and its end alone
    b.write_bytes(b"x" * 9001)
    assert marks([a]) != marks([b])
    again = digests([a, b])
    monkeypatch.setattr("smalti.data.identity._whole", None)
    assert digests([a, b]) == again


def test_what_cannot_be_read_is_known_by_its_name(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert digests([first])[first] != digests([second])[second] and marks([first]) != marks([second])
    assert digests([]) == {}


def test_an_identity_knows_order_and_number() -> None:
    assert identity(2, ["a", "b"]) == identity(2, ["a", "b"]) != identity(2, ["b", "a"])
    assert str(identity(2, ["a", "b"])).startswith("2 ")


def test_what_is_read_with_a_file_belongs_to_it(tmp_path: Path) -> None:
    profile = {"driver": "GTiff", "width": 8, "height": 8, "count": 1, "dtype": "uint8"}
    source, vrt = tmp_path / "a.tif", tmp_path / "a.vrt"
    with rasterio.open(source, "w", transform=Affine.scale(2), **profile) as file:
        file.write(np.zeros((1, 8, 8), np.uint8))
    with rasterio.open(source) as file, WarpedVRT(file, crs="EPSG:32633", src_crs="EPSG:32633") as warped:
        rasterio.shutil.copy(warped, vrt, driver="VRT")
    plain, stamp = digests([source, vrt]), stamp_files(vrt)
    (tmp_path / "a.tif.aux.xml").write_text("<PAMDataset/>")  # as a look at its statistics leaves it
    assert digests([source])[source] == plain[source] and stamp_files(source)
    with rasterio.open(source, "r+") as file:
        file.write(np.ones((1, 8, 8), np.uint8))
    changed = digests([source, vrt])
    assert changed[source] != plain[source] and changed[vrt] != plain[vrt] and stamp_files(vrt) != stamp
    (tmp_path / "a.tif.msk").write_bytes(b"a mask")
    assert digests([source])[source] != changed[source]


@pytest.mark.parametrize(
    ("name", "side"), [("a.png", "a.pgw"), ("a.tif", "a.wld"), ("A.SHP", "A.DBF"), ("a.jpg", "a.jpg.msk")]
)
def test_what_lies_beside_a_file_belongs_to_its_stamp(tmp_path: Path, name: str, side: str) -> None:
    for each in (name, side):
        (tmp_path / each).write_text("1")
    before = stamp_files(tmp_path / name)
    (tmp_path / side).write_text("22")
    assert stamp_files(tmp_path / name) != before
