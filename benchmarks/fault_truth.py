"""What the outputs of a damaged file must agree with: independent reads of it, by the reference libraries.

Each check gets the folder of a successful run and the folder of undamaged inputs, and returns what is wrong. Each runs
in a process of its own, since the libraries may crash on a file that the program survived.
"""

import csv
import io
import json
import os
import signal
import tomllib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rasterio.errors import RasterioError

from smalti.photos.decisions import FIELDS, VERDICT
from smalti.photos.formats.xmp import NAMESPACES
from smalti.photos.formats.xmp import XMP as XMP_URI

Check = Callable[[Path, Path], str | None]
UNREADABLE = (RasterioError, OSError, SyntaxError, ValueError)
LABELS = ("most red", "most green", "most blue")
"""The classes of the tiny model."""
MOVED = 50
"""Pixels that may change their class where two libraries bring polygons from one CRS to another."""
CAME = "came"
"""A copy of the damaged file as it was before the run."""
SIDECAR = "shots/IMG_00.jpg.xmp"
SECONDS = 60


def check(wrong: Check, work: Path, source: Path) -> str | None:
    """The result of a check, in a forked process."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        said = "a check that failed"
        try:
            warnings.simplefilter("ignore")
            signal.alarm(SECONDS)
            said = wrong(work, source) or ""
        except BaseException as error:
            said = f"a check that failed ({type(error).__name__}: {error})"[:300]
        finally:
            os.write(writing, said.encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        said = file.read().decode()
    status = os.waitpid(pid, 0)[1]
    return "a check that crashed" if status else said or None


def map_differs(work: Path, source: Path) -> str | None:
    """The map must be the brightest band of what an independent read gives; `tiny.onnx` predicts just that."""
    changed = (path.name for path in source.iterdir() if (work / path.name).read_bytes() != path.read_bytes())
    name = next(changed, None)
    if name is None:  # some damage leaves a file as it was
        return None
    try:
        pixels, valid, place = _raster(work / name)
    except UNREADABLE as error:
        return f"a map of what cannot be read ({type(error).__name__})"
    with rasterio.open(work / "out" / "map.tif") as file:
        classes, here = file.read(1), (file.transform, file.crs)
    if len(pixels) < 3:
        return "a map of too few bands"
    if pixels.shape[1:] != classes.shape:
        return "a map of another size"
    if here != place:
        return "a map of another place"
    if ((classes != 255) != valid).any():
        return "a map with other holes"
    return "a map of other pixels" if _unlike(classes, pixels) else None


def same_map(work: Path, source: Path) -> str | None:
    """A model that runs although its file was damaged must predict as the undamaged one."""
    with rasterio.open(work / "out" / "map.tif") as file:
        return "a map by another model" if _unlike(file.read(1), _raster(work / "plain.tif")[0]) else None


def _unlike(classes: NDArray[np.uint8], pixels: NDArray[Any]) -> bool:
    """Whether a pixel does not have the class of its brightest band; of two equal ones either is accepted."""
    ordered = np.sort(pixels[:3].astype(float), 0)
    sure = (ordered[2] - ordered[1] > 1e-3 * np.abs(ordered[2])) & (classes != 255)
    return bool((classes != pixels[:3].argmax(0))[sure].any())


def _raster(path: Path) -> tuple[NDArray[Any], NDArray[np.bool_], tuple[Any, Any]]:
    """Pixels (C, H, W), where they are valid, transform and CRS; an image of indices as its colours.

    Pillow must be able to read what GDAL would fill where data end early. A JPEG's pixels are GDAL's nevertheless:
    decoders differ beyond 0 to 255, where damage leads.
    """
    pixels = None
    if path.suffix != ".tif":
        content = path.read_bytes() + b"\xff\xd9"  # a JPEG's pixels do not need its last mark
        with Image.open(io.BytesIO(content)) as picture:
            pixels = np.asarray(picture.convert("RGB")).transpose(2, 0, 1)
    with rasterio.open(path) as file:
        valid = file.dataset_mask() > 0 if file.dtypes[0] == "uint8" else (file.read_masks() > 0).all(0)
        place = file.transform, file.crs
        if pixels is None or path.suffix == ".jpg":
            pixels = file.read()
        if pixels.shape[0] == 1 and file.colorinterp[0].name == "palette":
            colors = np.zeros((256, 4), np.uint8)
            colors[list(file.colormap(1))] = list(file.colormap(1).values())
            pixels, valid = colors[pixels[0], :3].transpose(2, 0, 1), valid & (colors[pixels[0], 3] > 0)
    return pixels, valid, place


def counts_differ(work: Path, source: Path) -> str | None:
    """Scores must be those of the labels that an independent read gives."""
    path = next((work / "data").glob("town_classes.*"))
    try:
        labels, moved = (_class_image if path.suffix in (".png", ".tif") else _drawn)(path, work / "data" / "town.tif")
    except UNREADABLE as error:
        return f"scores of what cannot be read ({type(error).__name__})"
    scores = json.loads((work / "out" / "scores.json").read_text())
    found = [sum(row) for row in scores["confusion"]["counts"]]
    counts = [int((labels == k).sum()) for k in range(len(LABELS))]
    right = all(abs(a - b) <= moved for a, b in zip(found, counts, strict=True))
    return None if right else f"scores of other labels ({found} for {counts})"


def _class_image(path: Path, image: Path) -> tuple[NDArray[Any], int]:
    """Class ids on the grid of an image, and how far counts of them may be off."""
    if path.suffix == ".png":
        with Image.open(path) as picture:
            return np.asarray(picture), 0
    with rasterio.open(path) as file, rasterio.open(image) as other:
        labels = file.read(1)
        labels[file.read_masks(1) == 0] = 255
        alike = file.transform.almost_equals(other.transform, 1e-6) or file.transform.is_identity
        return labels, 0 if alike else MOVED + abs(other.width * other.height - labels.size)


def _drawn(path: Path, image: Path) -> tuple[NDArray[Any], int]:
    """Polygons drawn onto the grid of an image, and how far counts of them may be off."""
    import pyogrio.raw
    import shapely
    from rasterio.features import rasterize
    from rasterio.warp import transform_geom

    meta, _, wkb, (values,) = pyogrio.raw.read(path, columns=["class"])
    with rasterio.open(image) as file:
        crs, place, size = file.crs, file.transform, file.shape
    own = rasterio.CRS.from_user_input(meta["crs"]) if meta["crs"] else crs
    shapes, unsure = [], 0
    for shape, value in zip(shapely.from_wkb(wkb), values, strict=True):
        if shape is None or shape.is_empty:
            continue
        unsure += 0 if shape.is_valid else int(np.prod(size))  # what lies inside of a ring across itself nobody can say
        moved = shape if own == crs else transform_geom(own, crs, shapely.geometry.mapping(shape))
        text = "" if value is None or value != value else str(value)
        shapes.append((moved, LABELS.index(text) if text in LABELS else 255 if text == "" else int(float(text))))
    drawn = rasterize(shapes, size, fill=255, transform=place, dtype="uint8") if shapes else np.full(size, 255)
    return drawn, unsure + (0 if own == crs else MOVED)


def other_recipe(work: Path, source: Path) -> str | None:
    """A training must have all settings of the recipe, as another TOML parser reads it."""
    said = tomllib.loads((work / "tiny.toml").read_text(encoding="utf-8"))
    taken = json.loads((work / "out" / "run" / "scores.json").read_text())["recipe"]
    for name in ("steps", "batch", "crop"):
        said.get("train", {}).pop(name, None)  # the command line sets these
    return _missing(said, taken, "recipe")


def _missing(said: Any, taken: Any, where: str) -> str | None:
    if isinstance(said, dict) and isinstance(taken, dict):
        found = (
            _missing(value, taken[key], f"{where}.{key}") if key in taken else f"{where}.{key} not taken"
            for key, value in said.items()
        )
        return next(filter(None, found), None)
    if isinstance(said, list) and isinstance(taken, list) and len(said) == len(taken):
        return next(filter(None, (_missing(a, b, where) for a, b in zip(said, taken, strict=True))), None)
    return None if said == taken else f"{where}: {said!r} taken as {taken!r}"[:200]


def ranked_unlike(work: Path, source: Path) -> str | None:
    """A photo that was ranked must be one that its library reads to the end; those without damage must be there."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    with (work / "out" / "photos.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    for path in sorted((source / "shots").iterdir()):
        name = f"shots/{path.name}"
        if path.suffix == ".xmp":
            continue
        if (work / name).read_bytes() == path.read_bytes():
            if name not in rows:
                return "a photo without damage left out"
        elif name in rows:
            try:
                with Image.open(io.BytesIO((work / name).read_bytes() + b"\xff\xd9")) as picture:
                    size = np.asarray(picture.convert("RGB")).shape
            except Exception as error:
                return f"a photo ranked that cannot be read ({type(error).__name__})"
            if rows[name]["megapixels"] != f"{size[0] * size[1] / 1e6:.1f}":
                return "a photo of another size"
    return None


def sidecar_lost(work: Path, source: Path) -> str | None:
    """A sidecar that is not XML must be unchanged; in any other, everything but our fields must be."""
    before, after = (work / CAME).read_bytes(), (work / SIDECAR).read_bytes()
    try:
        others = _without_ours(before)
    except (ElementTree.ParseError, LookupError, ValueError):
        return None if after == before else "a sidecar that is not XML was changed"
    try:
        return None if _without_ours(after) == others else "a sidecar that lost what others wrote"
    except (ElementTree.ParseError, LookupError, ValueError):
        return "a sidecar that is no longer XML"


def _without_ours(content: bytes) -> str:
    """Canonical XML with comments and processing instructions, without our fields."""
    uris = NAMESPACES | {"xmp": XMP_URI}
    ours = [f"{{{uris[name.partition(':')[0]]}}}{name.partition(':')[2]}" for name in (*FIELDS, VERDICT)]
    content = content.replace(b"}", b")")  # ElementTree cannot read a namespace with this sign, which XML allows
    text: str = ElementTree.canonicalize(content, with_comments=True, exclude_attrs=ours, exclude_tags=ours)
    return text
