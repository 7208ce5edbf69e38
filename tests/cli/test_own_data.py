import json
from pathlib import Path

import numpy as np
import pyogrio.raw
import pytest
import rasterio
import shapely
from affine import Affine
from click.testing import CliRunner, Result
from PIL import Image
from rasterio.crs import CRS

from smalti.cli.data import command
from smalti.errors import DataError, OutputError
from smalti.evaluation import own_labels
from smalti.raster.grid import Grid
from smalti.synth.files import write_scene
from tests.tiny import write_classes

RED, BLACK = (60, 16, 152), (0, 0, 0)


def run(*words: object) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=False)


def pair(folder: Path, name: str, mask: np.ndarray, mode: str | None = None) -> None:
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(0).integers(0, 255, (*mask.shape[:2], 3), np.uint8)
    Image.fromarray(image).save(folder / "images" / f"{name}.png")
    Image.fromarray(mask, mode).save(folder / "masks" / f"{name}.png")


def check(folder: Path) -> str:
    sheet = folder.parent / "sheet.jpg"
    sheet.unlink(missing_ok=True)
    output = run("check", folder, "--sheet", sheet).output
    assert sheet.is_file()
    return output


def test_values_are_counted_and_what_looks_wrong_is_named(tmp_path: Path) -> None:
    building = np.zeros((400, 500), np.uint8)
    building[10:60] = 255
    pair(tmp_path / "set", "a", building)
    pair(tmp_path / "set", "b", np.zeros((400, 500), np.uint8))
    output = check(tmp_path / "set")
    assert "2 images of 3 x uint8, 500 wide and 400 high" in output
    assert [line.split() for line in output.splitlines() if line.startswith(("0 ", "255 "))] == [
        ["0", "93.75", "2", "375,000"],
        ["255", "6.25", "1", "25,000"],
    ]
    assert "values are 0 and 255, and 255 is ignored by default" in output
    assert "1 of 2 labels hold only one value: b.png" in output
    building[0, 0] = 7
    pair(tmp_path / "set", "a", building)
    assert "value 7 is rare, possibly stray: 1 pixels, in a.png" in check(tmp_path / "set")


def test_class_names_in_the_files_are_told_and_make_their_colours_a_display(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    write_scene(tmp_path / "set" / "a.tif", 64, 64, seed=3)
    output = check(tmp_path / "set")
    assert "value" in output and "0 land" in output and "colour" not in output
    assert 'labels = ["land", "water"' in output and "label_colors" not in output
    ids = np.repeat(np.arange(2, dtype=np.uint8)[None], 64, 0).repeat(32, 1)
    for name, classes in (("b", ("land", "lake")), ("c", ("land", "lake"))):
        pair(tmp_path / "other", name, ids)
        (tmp_path / "other" / "masks" / f"{name}.png").unlink()
        write_classes(tmp_path / "other" / "masks" / f"{name}.tif", ids, *classes)
    assert 'labels = ["land", "lake"]' in check(tmp_path / "other")
    write_classes(tmp_path / "other" / "masks" / "c.tif", ids, "land", "pond")
    output = check(tmp_path / "other")
    assert "value 1 has several class names in the files: lake, pond" in output
    assert 'labels = ["land", "class 1"]' in output


def test_255_is_ignored_unless_it_is_the_only_class_besides_0(tmp_path: Path) -> None:
    ids = np.array([[0, 3, 255]], np.uint8).repeat(20, 0).repeat(20, 1)
    pair(tmp_path / "set", "a", ids)
    output = check(tmp_path / "set")
    assert 'labels = ["class 0", "class 3"]' in output and 'ids = { 0 = "class 0", 3 = "class 3" }' in output
    assert "check this: 400 pixels are 255: ignored by default; if it is a class, list it" in output


def test_copies_of_an_image_are_told(tmp_path: Path) -> None:
    ids = np.random.default_rng(0).integers(0, 2, (40, 50), np.uint8)
    for name, seed in (("a", 0), ("b", 1), ("c", 2), ("white", 3), ("snow", 4)):
        pair(tmp_path / "set", name, ids)
        image = np.random.default_rng(seed).integers(0, 255, (40, 50, 3), np.uint8)
        image[:, :] = 255 if seed > 2 else image
        Image.fromarray(image).save(tmp_path / "set" / "images" / f"{name}.png")
    assert "copies of" not in check(tmp_path / "set")  # images of one colour are none
    with Image.open(tmp_path / "set" / "images" / "a.png") as file:
        file.save(tmp_path / "set" / "images" / "c.bmp")
    (tmp_path / "set" / "images" / "c.png").unlink()
    assert "check this: 1 of 5 images are copies of others: a.png = c.bmp" in check(tmp_path / "set")


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_a_sheet_replaces_nothing_but_a_sheet(tmp_path: Path, ending: str) -> None:
    pair(tmp_path / "own", "a", np.zeros((40, 40), np.uint8))
    sheet, photo = tmp_path / f"sheet.{ending}", tmp_path / f"photo.{ending}"
    for _ in range(2):
        assert run("check", tmp_path / "own", "--sheet", sheet).exit_code == 0
    Image.new("RGB", (8, 8)).save(photo)
    before = photo.read_bytes()
    with pytest.raises(OutputError, match=f"photo.{ending}: exists and was not written by smalti"):
        raise run("check", tmp_path / "own", "--sheet", photo).exception
    assert photo.read_bytes() == before


def test_colours_of_rgb_grey_and_palette_images_are_told_alike(tmp_path: Path) -> None:
    colors = np.array([RED, BLACK], np.uint8)
    ids = np.random.default_rng(0).integers(0, 2, (30, 40))
    pair(tmp_path / "set", "rgb", colors[ids])
    pair(tmp_path / "set", "black", np.zeros((30, 40, 3), np.uint8))
    palette = Image.fromarray(ids.astype(np.uint8), "P")
    palette.putpalette([*RED, *BLACK])
    pair(tmp_path / "set", "palette", colors[ids])
    palette.save(tmp_path / "set" / "masks" / "palette.png")
    output = check(tmp_path / "set")
    reds = 2 * int((ids == 0).sum())
    assert f"#3C1098 {100 * reds / 3600:.2f} 2 {reds:,}" in " ".join(output.split())
    assert '"#000000" = "000000"' in output


def test_ids_written_three_times_are_ids(tmp_path: Path) -> None:
    pair(tmp_path / "set", "a", np.arange(3, dtype=np.uint8).repeat(40).reshape(3, 40)[..., None].repeat(3, 2))
    assert 'labels = ["class 0", "class 1", "class 2"]' in check(tmp_path / "set")


def counted_in(output: str) -> list[list[str]]:
    """The rows of the values 0 and 1."""
    rows = (line.split() for line in output.splitlines())
    return [row for row in rows if row and row[0] in ("0", "1") and row[-1].isdecimal()]


def raster(folder: Path, values: np.ndarray, nodata: float | None = None) -> None:
    """A pair whose labels are a GeoTIFF."""
    pair(folder, "a", np.zeros(values.shape, np.uint8))
    (folder / "masks" / "a.png").unlink()
    shape = {"driver": "GTiff", "height": values.shape[0], "width": values.shape[1], "count": 1, "nodata": nodata}
    with rasterio.open(folder / "masks" / "a.tif", "w", dtype=values.dtype, **shape) as file:
        file.write(values[None])


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_values_that_files_declare_as_no_data_get_ids_of_their_own(tmp_path: Path) -> None:
    raster(tmp_path / "set", np.eye(40, dtype=np.uint8), nodata=0)
    output = check(tmp_path / "set")
    assert 'labels.ids = { 0 = "class 0", 1 = "class 1" }' in output
    assert "labels declare 0 as no data: ignored unless labels.ids lists it: a.tif" in output


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_numbers_below_0_are_numbers_and_what_is_none_is_no_value(tmp_path: Path) -> None:
    raster(tmp_path / "set", np.eye(40, dtype=np.int16) - np.int16(1))
    assert 'labels.ids = { -1 = "class -1", 0 = "class 0" }' in check(tmp_path / "set")
    values = np.eye(40, dtype=np.float32)
    values[20:] = np.nan
    raster(tmp_path / "set", values)
    counted = counted_in(check(tmp_path / "set"))
    assert [row[-1] for row in counted] == ["780", "20"]
    raster(tmp_path / "set", values / 2)
    with pytest.raises(DataError, match="1 of 1 image cannot be used"):
        run("check", tmp_path / "set", "--sheet", tmp_path / "sheet.jpg")


def test_pixels_that_the_alpha_of_labels_hides_are_not_counted(tmp_path: Path) -> None:
    ids = np.eye(40, dtype=np.uint8)
    pair(tmp_path / "set", "a", np.dstack([ids, ids * 255]))
    counted = counted_in(check(tmp_path / "set"))
    assert [row[0] for row in counted] == ["1"]


def test_what_is_no_map_of_classes_is_refused_when_the_rest_is_told(tmp_path: Path) -> None:
    pair(tmp_path / "set", "good", np.eye(40, dtype=np.uint8))
    pair(tmp_path / "set", "photo", np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8))
    pair(tmp_path / "set", "other", np.eye(40, dtype=np.uint8))
    Image.fromarray(np.eye(39, dtype=np.uint8)).save(tmp_path / "set" / "masks" / "other.png")
    with pytest.raises(DataError, match="2 of 3 images cannot be used"):
        run("check", tmp_path / "set", "--sheet", tmp_path / "sheet.jpg")
    assert (tmp_path / "sheet.jpg").is_file()


def chip(folder: Path, name: str, col: int) -> None:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "masks").mkdir(exist_ok=True)
    place = {"crs": "EPSG:32633", "transform": Affine(0.5, 0, 5e5 + col / 2, 0, -0.5, 5e6)}
    shape = {"driver": "GTiff", "height": 20, "width": 30, "dtype": "uint8"}
    for kind, bands in (("images", 3), ("masks", 1)):
        with rasterio.open(folder / kind / f"{name}.tif", "w", count=bands, **shape, **place) as file:
            file.write(np.full((bands, 20, 30), 1, np.uint8))


def test_vectors_are_drawn_and_counted(tmp_path: Path) -> None:
    chip(tmp_path / "set", "a", 0)
    (tmp_path / "set" / "masks" / "a.tif").unlink()
    box = shapely.to_wkb(shapely.box(5e5, 5e6 - 5, 5e5 + 5, 5e6))  # 10 x 10 pixels
    path, wkb = tmp_path / "set" / "masks" / "a.gpkg", np.array([box], object)
    for fields, name in ((["class"], "hut"), (["other"], "feature")):
        path.unlink(missing_ok=True)
        value = [np.array(["hut"], object)]
        pyogrio.raw.write(path, wkb, value, fields, driver="GPKG", crs="EPSG:32633", geometry_type="Polygon")
        assert [line.split() for line in check(tmp_path / "set").splitlines() if line.startswith(name)] == [
            [name, "100.00", "1", "100"]
        ]


def test_a_split_keeps_chips_that_overlap_together(tmp_path: Path) -> None:
    for k in range(10):
        chip(tmp_path / "set", f"a{k}", 30 * k)
        chip(tmp_path / "set", f"b{k}", 30 * k + 7 * (k < 9))  # overlaps a{k} and a{k + 1}, but for the last one
    with pytest.raises(DataError, match="of 1 place"):
        run("split", tmp_path / "set", "-o", tmp_path / "out")
    for k in range(9):
        chip(tmp_path / "set", f"b{k}", 30 * k)
    (tmp_path / "set" / "images" / "a0.tfw").write_text("0.5\n0\n0\n-0.5\n500000.25\n4999999.75\n")
    assert "place on the ground" in run("split", tmp_path / "set", "-o", tmp_path / "out").output
    found = {
        part: {path.stem for path in (tmp_path / "out" / part / "images").glob("*.tif")}
        for part in ("train", "validation", "test")
    }
    assert found["train"] == {f"{side}{k}" for side in "ab" for k in range(6)}
    assert found["validation"] == {"a6", "b6", "a7", "b7"} and found["test"] == {"a8", "b8", "a9", "b9"}
    assert (tmp_path / "out/train/images/a0.tfw").is_file() and (tmp_path / "out/test/masks/b9.tif").is_file()
    with pytest.raises(OutputError, match="exists already"):
        run("split", tmp_path / "set", "-o", tmp_path / "out")


def test_pictures_without_a_place_are_split_by_folder_or_by_what_is_said(tmp_path: Path) -> None:
    for town, count in (("york", 3), ("bath", 2), ("hull", 1)):
        for k in range(count):
            pair(tmp_path / "set" / town, f"{k}", np.eye(9, dtype=np.uint8))
    run("split", tmp_path / "set", "-o", tmp_path / "out", "--validation", 0.3, "--test", 0.2)
    assert {path.name for path in (tmp_path / "out/test/images").iterdir()} == {"hull_0.png"}
    assert len(list((tmp_path / "out/train/masks").iterdir())) == 3
    run("split", tmp_path / "set", "-o", tmp_path / "two", "--test", 0, "--place", r"(york|bath|hull)")
    assert not (tmp_path / "two/test").exists()
    with pytest.raises(DataError, match="does not match this path"):
        run("split", tmp_path / "set", "-o", tmp_path / "three", "--place", "york")


def test_features_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.geojson"
    ring = [[0, 0], [0, 8], [8, 8], [8, 0], [0, 0]]
    feature = {
        "type": "Feature",
        "properties": {"class": "hut"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    reads = []
    read = own_labels.read_features
    monkeypatch.setattr(own_labels, "read_features", lambda *a: reads.append(a) or read(*a))
    monkeypatch.setattr("smalti.raster.features.read_features", None)
    place = Affine(0.5, 0, 0, 0, -0.5, 8)
    assert own_labels._drawn(path, Grid(16, 16, place, CRS.from_epsg(4326))) == {"hut": 256} and len(reads) == 1
