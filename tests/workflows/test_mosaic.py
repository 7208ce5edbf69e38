"""Many scenes as one map: tiles, the virtual raster of all, resuming, order, clouds, refusals."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

import smalti as sm
from smalti.errors import DataError, OptionError, OutputError, RasterError, ResolutionWarning
from tests.conftest import Run
from tests.mosaics.scenes import LEFT, TOP, pixels_of, write_scene
from tests.tiny import tiny_card, tiny_model

pytestmark = pytest.mark.filterwarnings("ignore:x.*so its map is empty")
CLASSES = np.array([[200, 0, 0], [0, 200, 0], [0, 0, 200]], np.uint8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Four scenes of 150 pixels that share 50 with each neighbour."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    whole = pixels_of(250, 250)
    for row in (0, 100):
        for col in (0, 100):
            write_scene(folder / f"s{row}{col}.tif", whole[:, row : row + 150, col : col + 150], row, col)
    return folder


def plain(path: Path, color: int, row: int = 0, col: int = 0, size: int = 150, **more: Any) -> Path:
    """A scene of one class."""
    return write_scene(path, np.broadcast_to(CLASSES[color][:, None, None], (3, size, size)) + 1, row, col, **more)


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return np.asarray(file.read(1))


def window(path: Path, height: int = 250, width: int = 250) -> np.ndarray:
    """The pixels of a mosaic's virtual raster where the scenes lie."""
    with rasterio.open(path) as file:
        row, col = file.index(LEFT + 0.25, TOP - 0.25)
        return np.asarray(file.read(1, window=rasterio.windows.Window(col, row, width, height)))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_mosaic_is_tiles_on_one_grid_and_a_virtual_raster(scenes: Path, model: Path, tmp_path: Path) -> None:
    done = sm.mosaic(scenes, tmp_path / "out", model=model, tile=128, confidence=True)
    assert done.path == tmp_path / "out" / "mosaic.vrt"
    assert [tile.path.name for tile in done.tiles][:2] == ["x7812_y78124.tif", "x7813_y78124.tif"]
    with rasterio.open(done.path) as file:
        assert file.res == (0.5, 0.5) and file.crs.to_epsg() == 32633
        assert file.tags(1)["CLASS_1"] == "most green" and file.nodata == 255
        assert file.colormap(1)[1][:3] == (255, 60, 195)
        left, top = file.transform.c, file.transform.f
        assert left % 64 == 0 and top % 64 == 0
    with rasterio.open(done.tiles[0].path) as file:
        assert file.shape == (128, 128) and file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    ids = window(done.path)
    assert (ids == pixels_of(250, 250).argmax(axis=0)).mean() > 0.99
    assert (window(tmp_path / "out" / "mosaic_confidence.vrt") <= 250).all()


def test_size_of_tiles_changes_no_pixel(scenes: Path, model: Path, tmp_path: Path) -> None:
    small = sm.mosaic(scenes, tmp_path / "small", model=model, tile=64)
    large = sm.mosaic(scenes, tmp_path / "large", model=model, tile="0.256km")
    assert (len(small.tiles), len(large.tiles)) == (16, 2)
    assert np.array_equal(window(small.path), window(large.path))


def test_finished_tiles_stay_and_a_new_scene_makes_only_its_tiles_again(
    scenes: Path, model: Path, tmp_path: Path
) -> None:
    first = sm.mosaic(scenes, tmp_path / "out", model=model, tile=128)
    before = files(tmp_path / "out")
    again = sm.mosaic(scenes, tmp_path / "out", model=model, tile=128)
    assert all(tile.summary is None for tile in again.tiles)
    assert files(tmp_path / "out") == before
    plain(scenes / "t.tif", 2, 520, 520, size=60)
    more = sm.mosaic(scenes, tmp_path / "out", model=model, tile=128)
    remade = [tile for tile in more.tiles if tile.summary is not None]
    assert 0 < len(remade) < len(more.tiles) == len(first.tiles) + len(remade)


def test_shards_make_the_same_mosaic(scenes: Path, model: Path, tmp_path: Path) -> None:
    sm.mosaic(scenes, tmp_path / "whole", model=model, tile=128)
    for k in range(3):
        assert not (tmp_path / "parts" / "mosaic.vrt").exists()
        sm.mosaic(scenes, tmp_path / "parts", model=model, tile=128, shard=f"{k}/3")
    assert files(tmp_path / "whole") == files(tmp_path / "parts")


def test_a_shard_tells_of_the_whole_when_it_is_written(scenes: Path, model: Path, tmp_path: Path, smalti: Run) -> None:
    command = ("mosaic", scenes, "-o", "parts/", "--model", model, "--tile", "512", "--shard")
    first, last = smalti(*command, "0/2"), smalti(*command, "1/2")
    assert "mosaic.vrt" not in first.stdout
    assert first.stderr.splitlines()[-1] == "parts/mosaic.vrt: not written yet; it waits for 1 more tile"
    assert last.stdout.splitlines()[-1] == "parts/mosaic.vrt" and "not written" not in last.stderr


@pytest.mark.slow
def test_workers_of_a_cluster_make_the_same_mosaic(scenes: Path, model: Path, tmp_path: Path, smalti: Run) -> None:
    pytest.importorskip("distributed")
    options = ("--model", model, "--tile", "128", "--threads", "1")
    smalti("mosaic", scenes, "-o", "whole", *options)
    smalti("mosaic", scenes, "-o", "parts", *options, "--scheduler", "local:2")
    assert files(tmp_path / "whole") == files(tmp_path / "parts")


@pytest.mark.slow
def test_a_killed_mosaic_is_resumed_to_the_same_bytes(scenes: Path, model: Path, tmp_path: Path) -> None:
    sm.mosaic(scenes, tmp_path / "whole", model=model, tile=128)
    command = [sys.executable, "-m", "smalti", "mosaic", scenes, "-o", "out", "--model", model, "--tile", "128"]
    for tiles in (1, 4):
        child = subprocess.Popen([*map(str, command)], cwd=tmp_path, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while len(list((tmp_path / "out").glob("tiles/*.tif"))) < tiles and time.monotonic() < until:
            time.sleep(0.005)
        child.kill()
        child.wait()
    subprocess.run([*map(str, command)], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    left = files(tmp_path / "out")
    assert {name for name in left if not name.endswith((".lock", ".holder"))} == set(left)
    assert left == files(tmp_path / "whole")


@pytest.mark.parametrize(("order", "top"), [("given", 1), ("newest", 0), ("clearest", 2)])
def test_order_decides_which_scene_lies_on_top(order: Any, top: int, model: Path, tmp_path: Path) -> None:
    holes = np.broadcast_to(CLASSES[1][:, None, None] + 1, (3, 200, 200)).astype(np.uint8)
    holes[:, 150:] = 0
    a = plain(tmp_path / "b_20240301.tif", 0, size=200, tags={"TIFFTAG_DATETIME": "2025:01:02 10:00:00"})
    more = plain(tmp_path / "c_20230501.tif", 2, size=201)
    last = write_scene(tmp_path / "a_20240401.tif", holes)
    with rasterio.open(a, "r+") as file:
        pixels = file.read()
        pixels[:, 140:] = 0
        file.write(pixels)
    done = sm.mosaic([a, more, last], tmp_path / "out", model=model, tile=256, order=order)
    assert (window(done.path, 60, 60) == top).all()


def test_clouds_are_skipped_by_a_file_or_a_band(model: Path, tmp_path: Path) -> None:
    plain(tmp_path / "below.tif", 0, size=300)
    plain(tmp_path / "top.tif", 1, size=300)
    clouds = np.zeros((1, 150, 150), np.uint8)  # pixels of twice the size
    clouds[:, :75] = 3
    for name, values in (("below", 0 * clouds), ("top", clouds)):
        write_scene(tmp_path / f"{name}_clouds.tif", values, pixel=1.0, nodata=None)
    given = [tmp_path / "below.tif", tmp_path / "top.tif"]
    done = sm.mosaic(given, tmp_path / "out", model=model, tile=512, clouds="{}_clouds.tif")
    ids = window(done.path, 300, 300)
    assert (ids[:150] == 0).all() and (ids[230:] == 1).all()
    other = sm.mosaic(given, tmp_path / "9", model=model, tile=512, clouds="{}_clouds.tif", cloud_values=[9])
    assert (window(other.path, 300, 300) == 1).all()
    with rasterio.open(tmp_path / "top.tif") as file:
        banded = np.concatenate([file.read(), np.kron(clouds, np.ones((1, 2, 2), np.uint8))])
    write_scene(tmp_path / "banded.tif", banded, nodata=None, photometric="minisblack")
    alone = sm.mosaic(
        tmp_path / "banded.tif", tmp_path / "band", model=model, tile=512, bands=[1, 2, 3], clouds="4", cloud_values=[3]
    )
    ids = window(alone.path, 300, 300)
    assert (ids[:150] == 255).all() and (ids[150:] == 1).all()


def test_a_corrected_cloud_mask_changes_the_order(model: Path, tmp_path: Path) -> None:
    given = [plain(tmp_path / "a.tif", 0), plain(tmp_path / "b.tif", 1)]

    def top(cloudy: str) -> int:
        for scene in given:
            clouds = np.zeros((1, 150, 150), np.uint8)
            clouds[:, 75:] = scene.stem in cloudy
            write_scene(scene.with_name(f"{scene.stem}_clouds.tif"), clouds, nodata=None)
        asked: Any = {"model": model, "tile": 256, "clouds": "{}_clouds.tif", "order": "clearest"}
        return int(window(sm.mosaic(given, tmp_path / "out", **asked).path, 20, 20)[10, 10])

    assert (top("a"), top("b")) == (1, 0)


def test_areas_of_a_mosaic_are_those_of_its_pixels(scenes: Path, model: Path, tmp_path: Path) -> None:
    from tests.zones.maps import zone_file

    shapely = pytest.importorskip("shapely")
    sm.mosaic(scenes, tmp_path / "out", model=model, tile=64)
    zone = shapely.box(LEFT + 10.25, TOP - 110, LEFT + 120, TOP - 3.5)
    zones = zone_file(tmp_path / "zones.gpkg", [zone])
    of_folder, of_file = sm.stats(tmp_path / "out", zones), sm.stats(tmp_path / "out" / "mosaic.vrt", zones)
    assert of_folder.rows == of_file.rows and len(of_folder.maps) == 1
    of_tiles = sm.stats(tmp_path / "out" / "tiles", zones)
    ids = window(tmp_path / "out" / "mosaic.vrt")[7:220, 20:240]
    share = np.ones(ids.shape)
    share[:, 0] = 0.5
    for k, band in enumerate(("red", "green", "blue")):
        [row] = of_folder.rows
        assert row[f"most {band}_pixels"] == pytest.approx(share[ids == k].sum(), abs=1e-9)
        assert row[f"most {band}_ha"] == pytest.approx(of_tiles.rows[0][f"most {band}_ha"], rel=1e-9)


@pytest.mark.parametrize("angle", [30, 90])
def test_scenes_that_are_turned_have_the_pixels_of_their_axes(angle: float, model: Path, tmp_path: Path) -> None:
    place = rasterio.Affine.translation(LEFT, TOP) @ rasterio.Affine.rotation(angle) @ rasterio.Affine.scale(0.5, -0.5)
    done = sm.mosaic(plain(tmp_path / "a.tif", 1, transform=place), tmp_path / "out", model=model, tile=128)
    with rasterio.open(done.path) as file:
        assert file.res == pytest.approx((0.5, 0.5), rel=1e-9)
        assert (file.read(1) == 1).sum() == pytest.approx(150 * 150, rel=0.02)


def test_a_grid_that_scenes_do_not_determine_is_refused(model: Path, tmp_path: Path) -> None:
    a = plain(tmp_path / "a.tif", 0)
    coarse = plain(tmp_path / "coarse.tif", 0, pixel=2.0)
    other = plain(tmp_path / "other.tif", 0, crs="EPSG:32634")
    place = rasterio.Affine(1e-5, 0, 15, 0, -1e-5, 45)
    degrees = plain(tmp_path / "degrees.tif", 0, crs="EPSG:4326", transform=place)
    for given, options, message in (
        ([a, coarse], {}, "pixels of 0.5 to 2 m; choose the mosaic's with --resolution"),
        ([a, other], {}, "the scenes have 2 CRSs: EPSG:32633, EPSG:32634; choose"),
        ([a], {"crs": "EPSG:32634"}, "brought to another CRS, EPSG:32634; choose the pixel size"),
        ([a], {"crs": "EPSG:99999"}, "no such CRS is known"),
        ([degrees], {}, r"EPSG:4326 is not in metres.*such as EPSG:326\d\d"),
        ([a], {"crs": "EPSG:4326", "resolution": 1.0}, "EPSG:4326 is not in metres"),
        ([a], {"tile": 10}, "tile is 10; expected 64 to"),
        ([a], {"tile": "0km"}, "tile is '0km'; expected"),
        ([a], {"tile": "0.0005km"}, "--tile 0.0005km is 1 pixel; expected 64 to 131072"),
        ([a], {"tile": "10.0001km"}, "20000.2 pixels; choose a side of whole pixels"),
        ([a], {"extent": [1, 2, 3]}, "expected LEFT,BOTTOM,RIGHT,TOP"),
        ([a], {"extent": [2, 1, 1, 2]}, "it is empty"),
        ([a], {"cloud_values": [1]}, "add --clouds"),
        ([a], {"order": "newest"}, "neither tags nor names tell when .*a.tif was taken"),
        ([], {}, "no scene was given"),
    ):
        with pytest.raises(OptionError, match=message):
            sm.mosaic(given, tmp_path / "out", model=model, **options)
    with pytest.raises(
        DataError, match="no scene lies in --extent 1,2,3,4; the scenes cover 500000,4999925,500075,5000000"
    ):
        sm.mosaic(a, tmp_path / "out", model=model, extent=[1, 2, 3, 4])
    assert not (tmp_path / "out").exists()


def test_scenes_that_do_not_fit_are_named_before_any_tile_is_made(model: Path, tmp_path: Path, smalti: Run) -> None:
    folder = tmp_path / "scenes"
    folder.mkdir()
    plain(folder / "a.tif", 0)
    plain(folder / "b.tif", 0, crs=None)
    write_scene(folder / "c.tif", pixels_of(60, 60)[:1])
    plain(folder / "d.tif", 0).write_bytes(b"II*\0")
    done = smalti("mosaic", folder, "-o", "out", "--model", model, check=False)
    assert done.returncode == 3
    lines = done.stderr.splitlines()
    assert len(lines) == 3 and all(line.startswith("smalti: ") for line in lines)
    assert "b.tif: it has no CRS, so a mosaic has no place for it" in lines[0]
    assert "c.tif: its bands do not fit" in lines[1]
    assert "d.tif" in lines[2]
    assert not (tmp_path / "out").exists()


def test_files_of_others_are_kept(scenes: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    sm.mosaic(scenes, out, model=model, tile=128)
    with pytest.raises(OptionError, match=r"holds a mosaic on another grid.*--resolution 0.5 --tile 128"):
        sm.mosaic(scenes, out, model=model, tile=64)
    (out / "scenes.json").write_text("my notes")
    with pytest.raises(OutputError, match="is no list of a mosaic's scenes"):
        sm.mosaic(scenes, out, model=model, tile=128)
    with pytest.raises(OutputError, match=r"would replace .*x7812_y78124.tif"):
        inside = tmp_path / "in" / "tiles"
        inside.mkdir(parents=True)
        sm.mosaic(plain(inside / "x7812_y78124.tif", 0), tmp_path / "in", model=model, tile=128)


def test_a_changed_scene_is_looked_at_again(scenes: Path, model: Path, tmp_path: Path) -> None:
    sm.mosaic(scenes, tmp_path / "out", model=model, tile=128)
    found = json.loads((tmp_path / "out" / "scenes.json").read_text())["scenes"]
    write_scene(scenes / "s00.tif", pixels_of(100, 100))
    sm.mosaic(scenes, tmp_path / "out", model=model, tile=128)
    now = json.loads((tmp_path / "out" / "scenes.json").read_text())["scenes"]
    changed = [path for path in now if now[path] != found[path]]
    assert [Path(path).name for path in changed] == ["s00.tif"] and now[changed[0]]["size"] == [100, 100]


def test_pixels_that_the_model_was_not_trained_for_are_warned_of(scenes: Path, tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "coarse.onnx", tiny_card(resolution=(2.0, 4.0)))
    with pytest.warns(ResolutionWarning, match="pixels of 0.5 m, model tiny was trained for 2 to 4 m"):
        sm.mosaic(scenes, tmp_path / "out", model=model, tile=128)


def test_a_damaged_scene_names_its_tile_and_leaves_the_others(scenes: Path, model: Path, tmp_path: Path) -> None:
    content = (scenes / "s00.tif").read_bytes()
    sm.mosaic(scenes, tmp_path / "out", model=model, tile=128)
    (scenes / "s00.tif").write_bytes(content[: len(content) // 2])
    with pytest.raises(RasterError, match=r"s00.tif"):
        sm.mosaic(scenes, tmp_path / "out", model=model, tile=128)
