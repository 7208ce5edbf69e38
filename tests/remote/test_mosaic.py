"""Mosaics go into stores, are resumed there, and are described by STAC."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import obstore
import pytest
import rasterio

import smalti as sm
from smalti.errors import OptionError, OutputError
from smalti.raster.read import open_raster
from smalti.remote.address import parse_address
from smalti.remote.store import Store, StoreError
from smalti.tiling import Window
from tests.mosaics.scenes import pixels_of, write_scene
from tests.remote.loopback import Faulty
from tests.remote.valid_stac import check_valid
from tests.tiny import tiny_model

pytestmark = pytest.mark.filterwarnings("ignore:x.*so its map is empty")
TILE = 256


def _model() -> sm.OpenModel:
    folder = Path(tempfile.mkdtemp())
    try:
        return sm.open_model(tiny_model(folder / "tiny.onnx"), threads=1)
    finally:
        shutil.rmtree(folder)


MODEL = _model()


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Two scenes side by side, of 2024-03-01 and 2024-05-02."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    whole = pixels_of(100, 250)
    for col, day in ((0, "20240301"), (100, "20240502")):
        write_scene(folder / f"s{col}_{day}.tif", whole[:, :, col : col + 150], 0, col)
    return folder


def made(scenes: Path, out: str | Path, **options: Any) -> sm.MosaicResult:
    return sm.mosaic(scenes, out, model=MODEL, tile=TILE, **options)


def objects(prefix: str) -> dict[str, bytes]:
    place = parse_address(prefix)
    store = Store(place)
    found: dict[str, bytes] = {}
    for entry in obstore.list(store._opened, f"{place.key}/").collect():
        name = str(entry["path"])
        got = store.get(parse_address(f"{place.root}/{name}"))
        assert got is not None
        found[name.removeprefix(f"{place.key}/")] = got[0]
    return found


def test_a_mosaic_of_a_store_is_that_of_a_folder(store: Faulty, scenes: Path, tmp_path: Path) -> None:
    here = made(scenes, tmp_path / "here", confidence=True, stac=True)
    done = made(scenes, "s3://maps/town/", confidence=True)
    assert done.address == "s3://maps/town/mosaic.vrt"
    assert {tile.address for tile in done.tiles} == {f"s3://maps/town/tiles/{tile.path.name}" for tile in here.tiles}
    there = objects("s3://maps/town")
    for path in (tmp_path / "here").rglob("*"):
        name = path.relative_to(tmp_path / "here").as_posix()
        assert path.is_dir() or name in there
        if path.suffix in (".tif", ".vrt"):
            assert path.read_bytes() == there[name]
    assert not [name for name in there if name.endswith(".lock")]
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    with open_raster(done.address, expand=False) as far, rasterio.open(here.path) as file:
        pixels, valid = far.read(Window(0, 0, far.grid.height, far.grid.width))
        assert valid.any() and np.array_equal(np.where(valid, pixels[0], 255), file.read(1))
    again = made(scenes, "s3://maps/town", confidence=True)
    assert all(tile.summary is None for tile in again.tiles)


def test_tiles_are_described_by_stac(scenes: Path, tmp_path: Path) -> None:
    made(scenes, tmp_path / "out", stac=True)
    tiles = tmp_path / "out" / "tiles"
    collection = json.loads((tiles / "collection.json").read_text())
    check_valid(collection, tmp_path)
    items = [link["href"] for link in collection["links"] if link["rel"] == "item"]
    assert items == [f"./{path.stem}.json" for path in sorted(tiles.glob("*.tif"))] and items
    assert collection["assets"]["mosaic"]["href"] == "../mosaic.vrt"
    assert collection["extent"]["temporal"]["interval"] == [["2024-03-01T00:00:00Z", "2024-05-02T00:00:00Z"]]
    for name in items:
        item = json.loads((tiles / name).read_text())
        check_valid(item, tmp_path)
        assert item["properties"]["proj:shape"] == [TILE, TILE] and item["assets"]["map"]["classification:classes"]
        assert str(tmp_path) not in (tiles / name).read_text()


def test_a_mosaic_whose_upload_fails_is_resumed(store: Faulty, scenes: Path) -> None:
    store.go_wrong({"path": r"/maps/resumed/mosaic\.vrt$", "method": "PUT", "kind": "expired", "times": 1})
    with pytest.raises(StoreError, match=r"expired \(ExpiredToken\); renew them and run again"):
        made(scenes, "s3://maps/resumed")
    assert "mosaic.vrt" not in objects("s3://maps/resumed")
    again = made(scenes, "s3://maps/resumed")
    assert all(tile.summary is None for tile in again.tiles)
    assert "mosaic.vrt" in objects("s3://maps/resumed")


def test_shards_make_a_mosaic_of_a_store(store: Faulty, scenes: Path, tmp_path: Path) -> None:
    for k in range(2):
        assert "mosaic.vrt" not in objects("s3://maps/shards")
        made(scenes, "s3://maps/shards", shard=f"{k}/2")
    here = made(scenes, tmp_path / "here")
    there = objects("s3://maps/shards")
    assert there["mosaic.vrt"] == here.path.read_bytes()
    links = json.loads(there["tiles/collection.json"])["links"]
    assert sum(link["rel"] == "item" for link in links) == len(here.tiles) > 1


def test_what_cannot_be_is_refused_before_a_tile(store: Faulty, scenes: Path, tmp_path: Path) -> None:
    store.put("maps/mine/mosaic.vrt", b"<VRTDataset/>")
    with pytest.raises(OutputError, match=r"s3://maps/mine/mosaic\.vrt: exists and is not of this program"):
        made(scenes, "s3://maps/mine")
    store.put("maps/notes/scenes.json", b"my notes")
    with pytest.raises(OutputError, match=r"s3://maps/notes/scenes\.json: exists and is no list"):
        made(scenes, "s3://maps/notes")
    made(scenes, "s3://maps/grid")
    with pytest.raises(OptionError, match=r"s3://maps/grid/: holds a mosaic on another grid"):
        sm.mosaic(scenes, "s3://maps/grid", model=MODEL, tile=128)
    with pytest.raises(OptionError, match="--scheduler makes the tiles of mosaics in folders"):
        made(scenes, "s3://maps/cluster", scheduler="local:2")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mosaic.vrt").write_text("<VRTDataset/>")
    with pytest.raises(OutputError, match=r"mosaic\.vrt: exists and is not of this program"):
        made(scenes, tmp_path / "own")
    assert not (tmp_path / "own" / "tiles").exists()
