"""Damaged files, each given to the command that reads it, in a process of 2 GB and 20 s."""

import csv
import io
import json
import random
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import rasterio
from fault_fork import End, run
from fault_jobs import JOBS, write_scene
from fault_kills import in_child
from fault_mutate import Mutate, damage, edit_json, edit_text
from numpy.typing import NDArray
from PIL import Image

from smalti.photos.decisions import FIELDS, VERDICT
from smalti.photos.formats.xmp import NAMESPACES
from smalti.photos.formats.xmp import XMP as XMP_URI

SECONDS, MEMORY = 20, 2 << 30
MAP = ("-o", "out/map.tif", "--model", "tiny.onnx", "--threads", "1")
PHOTOS = ("photos", "shots", "--csv", "out/photos.csv")
SMALL = ("train.steps=1", "train.batch=2", "train.crop=32")
TRAIN = ("train", "tiny.toml", "--out", "out/run", *(word for change in SMALL for word in ("--set", change)))
LAYOUTS = ("deflate.tif", "tiled.tif", "plain.tif", "jpeg.tif")
CAME = "came"
"""A copy of the damaged file as it was before the run."""
RAW = re.compile(r"^(?:ERROR|Warning) \d+: |^\S+:\d+: \w*Warning: ", re.MULTILINE)
"""What libraries print past us."""
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
    wrong: Callable[[Path, Path], str | None]
    """(folder of the run, undamaged folder) -> what is wrong with the outputs of a run that ended well."""


@dataclass(slots=True)
class Damaged:
    """What came of the damaged files of one kind."""

    kind: str
    codes: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def row(self) -> str:
        """One row of the table."""
        refused = sum(count for code, count in self.codes.items() if code)
        told = "; ".join(f"{count} {fault}" for fault, count in self.faults.most_common()) or "none"
        return f"| {self.kind} | {sum(self.codes.values())} | {self.codes[0]} | {refused} | {told} |"


def damage_all(kind: Kind, folder: Path, times: int, seed: int, keep: Path | None) -> Damaged:
    """Runs a command on `times` damaged files; those that show a fault are kept in `keep`."""
    source = in_child(kind.prepare, folder / "inputs")
    result = Damaged(kind.name)
    for number in range(times):
        chance = random.Random(f"{kind.name} {seed} {number}")
        work = folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(source, work)
        victim = work / chance.choice(kind.victims)
        victim.write_bytes(kind.mutate(victim.read_bytes(), chance))
        shutil.copyfile(victim, work / CAME)
        (work / "out").mkdir()
        end = run(
            [argument.replace("VICTIM", victim.name) for argument in kind.arguments], work, limit=SECONDS, memory=MEMORY
        )
        fault = end.fault or _untold(end) or _outputs(kind, end, work, source)
        result.codes[-1 if end.code is None else end.code] += 1
        if fault:
            result.faults[fault] += 1
            if keep:
                shutil.copytree(work, keep / f"{kind.name} {number}".replace(" ", "-"), dirs_exist_ok=True)
                (keep / f"{kind.name} {number}.txt".replace(" ", "-")).write_text(
                    f"{fault}\n{victim}\n{end.out}\n{end.err}"
                )
    shutil.rmtree(folder)
    return result


def _untold(end: End) -> str | None:
    """A refusal must say why, in lines of our own, and no library may speak for itself."""
    if RAW.search(end.err):
        return "a raw line of a library"
    if end.code == 0 or any(line.startswith("smalti: ") or line.startswith("Error: ") for line in end.err.splitlines()):
        return None
    return f"exit {end.code} without a line of ours"


def _outputs(kind: Kind, end: End, work: Path, source: Path) -> str | None:
    made = [path for path in (work / "out").iterdir() if not path.name.startswith(".")]
    if end.code == 3 and kind.arguments[0] != "photos" and any(path.is_file() for path in made):
        return "an output beside a refusal"
    if not made and (end.code == 0 or (end.code == 3 and kind.arguments[0] == "photos")):
        return "no output"
    return kind.wrong(work, source) if end.code in (0, 3) and made else None


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


def _map_differs(work: Path, source: Path) -> str | None:
    """The map must be the brightest band of what an independent read gives; `tiny.onnx` answers just that."""
    name = next(
        (
            name
            for name in (path.name for path in source.iterdir())
            if (work / name).read_bytes() != (source / name).read_bytes()
        ),
        None,
    )
    if name is None or name == "tiny.onnx":
        return None
    with rasterio.open(work / "out" / "map.tif") as file:
        classes = file.read(1)
    try:
        pixels = _read(work / name)
        if name.endswith(".jpg"):  # beyond 0 to 255, where damage leads, each decoder goes on in its own way
            with rasterio.open(work / name) as file:
                pixels = file.read()
    except (rasterio.errors.RasterioError, OSError, SyntaxError, ValueError) as error:
        return f"a map of what cannot be read ({type(error).__name__})"
    if len(pixels) < 3:
        return None
    if pixels.shape[1:] != classes.shape:
        return "a map of another size"
    ordered = np.sort(pixels[:3].astype(int), 0)
    sure = (ordered[2] > ordered[1]) & (classes != 255)
    return "a map of other pixels" if (classes != pixels[:3].argmax(0))[sure].any() else None


def _read(path: Path) -> NDArray[np.uint8]:
    """Bands, rows, columns, to the end, by the library that knows the format best."""
    if path.suffix == ".tif":
        with rasterio.open(path) as file:
            pixels: NDArray[np.uint8] = file.read()
            return pixels
    with Image.open(
        io.BytesIO(path.read_bytes() + b"\xff\xd9")
    ) as picture:  # a JPEG's pixels do not need its last mark
        return np.asarray(picture.convert("RGB")).transpose(2, 0, 1)


def _same_map(work: Path, source: Path) -> str | None:
    """A model that runs although its file was damaged must answer as the undamaged one."""
    with rasterio.open(work / "out" / "map.tif") as file:
        classes = file.read(1)
    pixels = _read(work / "plain.tif").astype(int)
    ordered = np.sort(pixels, 0)
    return "a map by another model" if (classes != pixels.argmax(0))[ordered[2] > ordered[1]].any() else None


def _labelled(folder: Path) -> None:
    """An image with labels as PNG, TIFF, GeoJSON and GeoPackage; the run keeps only the one that was damaged."""
    _tiny(folder)
    (folder / "data").mkdir()
    write_scene(folder / "data" / "town.tif", row=0, col=0, height=90, width=110)
    (folder / "labels.toml").write_text("")


def _class_png(folder: Path) -> None:
    _labelled(folder)
    classes = _read(folder / "data" / "town.tif").argmax(0).astype(np.uint8)
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


def _counts_differ(work: Path, source: Path) -> str | None:
    """Scores must be those of the labels that an independent read gives."""
    path = next((work / "data").glob("town_classes.*"))
    told = json.loads((work / "out" / "scores.json").read_text())
    try:
        if path.suffix == ".png":
            with Image.open(path) as picture:
                labels = np.asarray(picture)
        else:
            with rasterio.open(path) as file:
                labels = file.read(1)
    except (rasterio.errors.RasterioError, OSError, SyntaxError, ValueError) as error:
        return f"scores of what cannot be read ({type(error).__name__})"
    counts = [int((labels == k).sum()) for k in range(3)]
    found = [sum(row) for row in told["confusion"]["counts"]]
    return None if any(a <= b for a, b in zip(found, counts, strict=True)) else "scores of other labels"


def _nothing_wrong(work: Path, source: Path) -> str | None:
    return None


def _photos(folder: Path) -> None:
    """One series of a HEIC and two JPEGs, with a sidecar."""
    import pillow_heif

    JOBS["photos"].prepare(folder)
    shots = folder / "shots"
    for path in sorted(shots.iterdir())[2:]:
        path.unlink()
    first = sorted(shots.iterdir())[0]
    with Image.open(first) as picture:
        pillow_heif.from_pillow(picture).save(shots / "IMG_1.heic", quality=60)
    first.rename(shots / "IMG_00.jpg")
    (folder / SIDECAR).write_text(XMP)


SIDECAR = "shots/IMG_00.jpg.xmp"
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


def _ranked_unread(work: Path, source: Path) -> str | None:
    """A photo that was ranked must be one that its library reads to the end."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    with (work / "out" / "photos.csv").open(newline="", encoding="utf-8-sig") as file:
        ranked = {row["file"] for row in csv.DictReader(file)}
    for name in ranked:
        if (work / name).read_bytes() == (source / name).read_bytes():
            continue
        try:
            _read(work / name)
        except Exception as error:
            return f"a photo ranked that cannot be read ({type(error).__name__})"
    return None


def _sidecar_lost(work: Path, source: Path) -> str | None:
    """A sidecar that is no XML stays as it came; in another one all that is not ours still stands as it stood."""
    before, after = (work / CAME).read_bytes(), (work / SIDECAR).read_bytes()
    try:
        others = _without_ours(before)
    except (ElementTree.ParseError, LookupError, ValueError):
        return None if after == before else "a sidecar changed that is no XML"
    try:
        return None if _without_ours(after) == others else "a sidecar that lost what others wrote"
    except (ElementTree.ParseError, LookupError, ValueError):
        return "a sidecar that is no XML any more"


def _without_ours(content: bytes) -> str:
    """Canonical XML with comments and processing instructions, without the fields that are ours to write."""
    uris = NAMESPACES | {"xmp": XMP_URI}
    ours = [f"{{{uris[name.partition(':')[0]]}}}{name.partition(':')[2]}" for name in (*FIELDS, VERDICT)]
    content = content.replace(b"}", b")")  # ElementTree cannot read a namespace with this sign, which XML allows
    text: str = ElementTree.canonicalize(content, with_comments=True, exclude_attrs=ours, exclude_tags=ours)
    return text


KINDS = {
    kind.name: kind
    for kind in (
        Kind("GeoTIFF", _rasters, LAYOUTS, damage, ("map", "VICTIM", *MAP), _map_differs),
        Kind("PNG", _rasters, ("picture.png", "palette.png"), damage, ("map", "VICTIM", *MAP), _map_differs),
        Kind("JPEG", _rasters, ("picture.jpg",), damage, ("map", "VICTIM", *MAP), _map_differs),
        Kind("ONNX", _rasters, ("tiny.onnx",), damage, ("map", "plain.tif", *MAP), _same_map),
        Kind(
            "TOML", JOBS["train"].prepare, ("tiny.toml",), edit_text, TRAIN, _nothing_wrong
        ),
        Kind("class PNG", _class_png, ("data/town_classes.png",), damage, EVALUATE, _counts_differ),
        Kind("class GeoTIFF", _class_tif, ("data/town_classes.tif",), damage, EVALUATE, _counts_differ),
        Kind("GeoJSON", _geojson, ("data/town_classes.geojson",), edit_json, EVALUATE, _nothing_wrong),
        Kind("GeoPackage", _gpkg, ("data/town_classes.gpkg",), damage, EVALUATE, _nothing_wrong),
        Kind("HEIC", _photos, ("shots/IMG_1.heic",), damage, PHOTOS, _ranked_unread),
        Kind("photo", _photos, ("shots/IMG_00.jpg",), damage, PHOTOS, _ranked_unread),
        Kind("XMP", _photos, (SIDECAR,), edit_text, (*PHOTOS, "--xmp"), _sidecar_lost),
    )
}  # fmt: skip
