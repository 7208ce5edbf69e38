"""Kinds of inputs that are damaged: how they are made, which command reads them, what its outputs must agree with."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from fault_jobs import JOBS, write_scene
from fault_mutate import Mutate, damage, edit_json, edit_text
from fault_truth import (
    SIDECAR,
    Check,
    counts_differ,
    map_differs,
    other_recipe,
    ranked_unlike,
    same_map,
    sidecar_lost,
)
from PIL import Image

MAP = ("-o", "out/map.tif", "--model", "tiny.onnx", "--threads", "1")
PHOTOS = ("photos", "shots", "--csv", "out/photos.csv")
SMALL = ("train.steps=1", "train.batch=2", "train.crop=32")
TRAIN = ("train", "tiny.toml", "--out", "out/run", *(word for change in SMALL for word in ("--set", change)))
LAYOUTS = ("deflate.tif", "tiled.tif", "plain.tif", "jpeg.tif")
EVALUATE = ("evaluate", "tiny.onnx", "data", "--labels", "labels.toml", "--json", "out/scores.json")


@dataclass(frozen=True, slots=True)
class Kind:
    """Files of one kind: how they are made and damaged, who reads them, and what an output must agree with."""

    name: str
    prepare: Callable[[Path], None]
    """Writes a folder of inputs."""
    victims: tuple[str, ...]
    """The files that are damaged, one at a time."""
    mutate: Mutate
    arguments: tuple[str, ...]
    wrong: Check


def _tiny(folder: Path) -> None:
    from tests.tiny import tiny_model

    tiny_model(folder / "tiny.onnx")


def _rasters(folder: Path) -> None:
    """The same small scene as GeoTIFFs of several layouts."""
    _tiny(folder)
    write_scene(folder / "deflate.tif", row=0, col=0, height=90, width=110)
    with rasterio.open(folder / "deflate.tif") as file:
        pixels, profile = file.read(), file.profile
    layouts = {
        "tiled.tif": {"tiled": True, "blockxsize": 32, "blockysize": 32, "compress": "lzw", "interleave": "pixel"},
        "plain.tif": {"compress": "none"},
        "jpeg.tif": {
            "tiled": True,
            "blockxsize": 64,
            "blockysize": 64,
            "compress": "jpeg",
            "photometric": "ycbcr",
            "interleave": "pixel",
        },
    }
    for name, layout in layouts.items():
        with rasterio.open(folder / name, "w", **(profile | layout)) as file:
            file.write(pixels)
            file.build_overviews([2])
    picture = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    picture.save(folder / "picture.png")
    picture.save(folder / "picture.jpg", quality=90)
    picture.quantize(16).save(folder / "palette.png")


def _labelled(folder: Path) -> None:
    """An image with labels as PNG, TIFF, GeoJSON and GeoPackage; the run keeps only the one that was damaged."""
    _tiny(folder)
    (folder / "data").mkdir()
    write_scene(folder / "data" / "town.tif", row=0, col=0, height=90, width=110)
    (folder / "labels.toml").write_text("")


def _class_png(folder: Path) -> None:
    _labelled(folder)
    with rasterio.open(folder / "data" / "town.tif") as file:
        classes = file.read().argmax(0).astype(np.uint8)
    Image.fromarray(classes).save(folder / "data" / "town_classes.png")


def _class_tif(folder: Path) -> None:
    _labelled(folder)
    with rasterio.open(folder / "data" / "town.tif") as file:
        profile = file.profile | {"count": 1}
        classes = file.read().argmax(0).astype(np.uint8)
    with rasterio.open(folder / "data" / "town_classes.tif", "w", **profile) as file:
        file.write(classes, 1)


def _vectors(folder: Path, name: str, driver: str) -> None:
    import pyogrio.raw
    import shapely

    _labelled(folder)
    with rasterio.open(folder / "data" / "town.tif") as file:
        west, south, east, north = file.bounds
    width, height = (east - west) / 3, (north - south) / 2
    boxes = [
        shapely.box(west + c * width, south + r * height, west + (c + 1) * width, south + (r + 1) * height)
        for r in range(2)
        for c in range(3)
    ]
    classes = np.array(["most red", "most green", "most blue"] * 2, object)
    wkb = np.array([shapely.to_wkb(box.difference(box.centroid.buffer(3))) for box in boxes], object)
    pyogrio.raw.write(
        folder / "data" / name, wkb, [classes], ["class"], driver=driver, crs="EPSG:32633", geometry_type="Polygon"
    )


def _geojson(folder: Path) -> None:
    _vectors(folder, "town_classes.geojson", "GeoJSON")


def _gpkg(folder: Path) -> None:
    _vectors(folder, "town_classes.gpkg", "GPKG")


def _photos(folder: Path) -> None:
    """One series of a HEIC and two JPEGs, with a sidecar."""
    import pillow_heif

    JOBS["photos"].prepare(folder)
    shots = folder / "shots"
    for path in sorted(shots.iterdir())[2:]:
        path.unlink()
    for path in shots.iterdir():
        with Image.open(path) as picture:
            picture.resize((320, 240)).save(path, quality=92)
    first = sorted(shots.iterdir())[0]
    with Image.open(first) as picture:
        pillow_heif.from_pillow(picture).save(shots / "IMG_1.heic", quality=60)
    first.rename(shots / "IMG_00.jpg")
    (folder / SIDECAR).write_text(XMP)


XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" crs:Exposure2012="+0.35" xmp:CreatorTool="camera">
   <dc:subject><rdf:Bag><rdf:li>holiday</rdf:li><rdf:li>sea</rdf:li></rdf:Bag></dc:subject>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""


KINDS = {
    kind.name: kind
    for kind in (
        Kind("GeoTIFF", _rasters, LAYOUTS, damage, ("map", "VICTIM", *MAP), map_differs),
        Kind("PNG", _rasters, ("picture.png", "palette.png"), damage, ("map", "VICTIM", *MAP), map_differs),
        Kind("JPEG", _rasters, ("picture.jpg",), damage, ("map", "VICTIM", *MAP), map_differs),
        Kind("ONNX", _rasters, ("tiny.onnx",), damage, ("map", "plain.tif", *MAP), same_map),
        Kind("TOML", JOBS["train"].prepare, ("tiny.toml",), edit_text, TRAIN, other_recipe),
        Kind("class PNG", _class_png, ("data/town_classes.png",), damage, EVALUATE, counts_differ),
        Kind("class GeoTIFF", _class_tif, ("data/town_classes.tif",), damage, EVALUATE, counts_differ),
        Kind("GeoJSON", _geojson, ("data/town_classes.geojson",), edit_json, EVALUATE, counts_differ),
        Kind("GeoPackage", _gpkg, ("data/town_classes.gpkg",), damage, EVALUATE, counts_differ),
        Kind("HEIC", _photos, ("shots/IMG_1.heic",), damage, PHOTOS, ranked_unlike),
        Kind("photo", _photos, ("shots/IMG_00.jpg",), damage, PHOTOS, ranked_unlike),
        Kind("XMP", _photos, (SIDECAR,), edit_text, (*PHOTOS, "--xmp"), sidecar_lost),
    )
}  # fmt: skip
