"""The jobs that are killed and run on full disks: inputs, command, and expected files."""

import csv
import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

RECIPE = """
[card]
name = "tiny"
tile = 32
overlap = 8
[[card.tasks]]
labels = ["dark", "bright"]
[net]
width = 0.25
[data]
root = "data"
[[data.train]]
kind = "folder"
path = ["train"]
[[data.validation]]
kind = "folder"
path = ["validation"]
[train]
steps = 12
batch = 2
crop = 32
epoch_steps = 3
save_every = 1
threads = 1
"""


CLOCKED: tuple[tuple[str, bytes], ...] = (
    # names of files that contain times or durations, and the parts of them that are not compared
    (r"events\.out\.tfevents\..*", rb"(?s).*"),
    (r"\.html$", rb"(?s)<section>\s*<h2>Timing</h2>.*?</section>|<footer>.*?</footer>|\s+"),
    (r"looks\.sqlite$", rb"(?s).*"),  # rows in the order in which two threads came to them
)


@dataclass(frozen=True, slots=True)
class Job:
    """A command and the inputs that it finds in its folder."""

    name: str
    arguments: tuple[str, ...]
    prepare: Callable[[Path], None]


def files(folder: Path) -> dict[str, bytes]:
    """What lies below a folder, the program's cache apart: bytes by relative path, less what the clock decides."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    names = {str(path.relative_to(folder)): path for path in found}
    return dict(_unclocked(name, path.read_bytes()) for name, path in names.items() if not name.startswith("cache/"))


def _unclocked(name: str, content: bytes) -> tuple[str, bytes]:
    if name.endswith("records.csv"):
        rows = csv.DictReader(io.StringIO(content.decode()))
        return name, json.dumps([row | {"seconds_per_step": ""} for row in rows]).encode()
    if name.endswith("state.pt"):  # two pickles of equal values may differ: compare the tensors
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            return name, b"".join(file.read(entry) for entry in sorted(file.namelist()) if "/data/" in entry)
    for pattern, clocked in CLOCKED:
        if re.search(pattern, name):
            return re.sub(r"tfevents\..*", "tfevents", name), re.sub(clocked, b"", content)
    return name, content


def scene(folder: Path) -> None:
    """One drawn scene of 900 x 900."""
    write_scene(folder / "scene.tif", row=0, col=0, height=900, width=900)


def chips(folder: Path) -> None:
    """Two overlapping drawn scenes of one grid."""
    write_scene(folder / "a.tif", row=0, col=0, height=500, width=620)
    write_scene(folder / "b.tif", row=0, col=560, height=500, width=540)


def write_scene(path: Path, row: int, col: int, height: int, width: int, seed: int = 11) -> None:
    """A window of a drawn world as a GeoTIFF, in the place where it lies."""
    import rasterio
    from rasterio.transform import from_origin

    from smalti.synth.scene import draw
    from smalti.tiling import Window

    image = draw(Window(row, col, height, width), seed=seed).image
    place = from_origin(5e5 + 0.3 * col, 5e6 - 0.3 * row, 0.3, 0.3)
    profile = {"driver": "GTiff", "height": height, "width": width, "count": 3, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(path, "w", transform=place, compress="deflate", **profile) as file:
        file.write(image)


def training(folder: Path) -> None:
    """Five small images with masks, and a recipe."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 4), ("validation", 1)):
        for number in range(count):
            truth = np.zeros((60, 70), np.uint8)
            truth[rng.integers(5, 30) :, rng.integers(5, 30) :] = 1
            pixels = (truth * 120 + 60)[..., None] + rng.integers(0, 40, (60, 70, 3))
            for kind, array in (("images", pixels.astype(np.uint8)), ("masks", truth)):
                (folder / "data" / part / kind).mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(folder / "data" / part / kind / f"{number}.png")
    (folder / "tiny.toml").write_text(RECIPE)


def photos(folder: Path) -> None:
    """Six series of three drawn photos: sharp, soft and dark."""
    from smalti.synth.scene import draw
    from smalti.tiling import Window

    (folder / "shots").mkdir(parents=True)
    for series in range(6):
        picture = Image.fromarray(draw(Window(0, 700 * series, 480, 640), seed=3).image.transpose(1, 2, 0))
        soft = picture.filter(ImageFilter.GaussianBlur(2))
        dark = picture.point(lambda value: value // 3)
        for number, photo in enumerate((picture, soft, dark)):
            photo.save(folder / "shots" / f"IMG_{series}{number}.jpg", quality=92)


POLYGONS = ("--polygons", "out/map.gpkg", "--min-area", "20")
JOBS = {
    job.name: job
    for job in (
        Job("map", ("map", "scene.tif", "-o", "out/map.tif", "--confidence", "--threads", "1"), scene),
        Job(
            "map with mosaic, polygons and report",
            ("map", "a.tif", "b.tif", "-o", "out/map.tif", "--mosaic", *POLYGONS, "--report", "--threads", "1"),
            chips,
        ),
        Job("train", ("train", "tiny.toml", "--out", "run"), training),
        Job(
            "photos",
            ("photos", "shots", "--report", "--csv", "photos.csv", "--xmp", "--copy-picks", "picks"),
            photos,
        ),
    )
}


def fresh(folder: Path, source: Path) -> Path:
    """A folder with the job's inputs and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    return folder
