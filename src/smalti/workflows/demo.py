"""A complete demonstration: a drawn scene to a scored map, and the map of a real image."""

import warnings
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from smalti.errors import GeoreferenceWarning
from smalti.evaluation import Evaluation, evaluate
from smalti.files import deliver
from smalti.mapping.protect import check_page
from smalti.report.evaluation_page import write_evaluation_page
from smalti.report.own_picture import check_picture
from smalti.report.preview import write_preview
from smalti.synth.files import write_scene
from smalti.workflows.eval_data import Specs, file_pair
from smalti.workflows.map import map
from smalti.workflows.map_result import MapResult
from smalti.workflows.models import AnyModel, OpenModel, opened
from smalti.workflows.progress import Meter, Show
from smalti.workflows.scores_file import check_scores_file, write_scores_file

FILES = {
    "report.html": "scores, confusion matrix and example tiles: open this first",
    "preview.png": "scene, map and both at a glance",
    "santa_monica.png": "the same for a real image",
    "scene.tif": "the drawn scene",
    "scene_map.tif": "its map, with colours and class names",
    "scene_map.gpkg": "the map as polygons",
    "scene_map.html": "area of each class, and how long the map took",
    "scene_classes.tif": "exact ground truth: classes",
    "scene_height.tif": "exact ground truth: heights in metres",
    "scene_buildings.gpkg": "exact ground truth: buildings",
    "scores.json": "all figures, each with its protocol",
    "santa_monica.jpg": "a real image: NAIP 2020, pixels of 0.6 m, public domain",
    "santa_monica_map.tif": "its map",
}
REAL = "santa_monica"
SMALLEST_POLYGON = 2.0
"""Square metres; smaller polygons are mostly noise."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A drawn scene, its map, and the scores of the map; a real image and its map."""

    folder: Path
    """The folder with all of `FILES`."""
    map: MapResult
    evaluation: Evaluation


def demo(out: Path, *, size: int, seed: int, model: AnyModel = "landcover", progress: Show | None = None) -> Demo:
    """Draws, maps and scores a scene of `size` x `size` pixels into the folder `out`, and maps a real image."""
    scene, classes, net = out / "scene.tif", out / "scene_map.tif", opened(model)
    check_page(page := out / "report.html")
    check_picture(preview := out / "preview.png")
    check_scores_file(scores := out / "scores.json")
    for picture in (f"{REAL}.png", f"{REAL}.jpg"):
        check_picture(out / picture)
    truth = write_scene(scene, size, size, seed, advance=Meter(progress, "drawing", size * size, "Pix"))[1]
    polygons = classes.with_suffix(".gpkg")
    done = map(scene, classes, model=net, polygons=polygons, min_area=SMALLEST_POLYGON, report=True, progress=progress)
    pair = file_pair(scene.name, scene, {net.card.class_task().name: truth}, net.card, Specs())
    place, chosen = f"a drawn scene, seed {seed}", net.card.origin.chosen
    found = evaluate(net, [pair], data=place, split="the whole scene", chosen=chosen, tiles=True)
    write_preview(preview, str(scene), classes, found.card)
    write_evaluation_page(page, found, [pair])
    write_scores_file(scores, found)
    _map_real(out, net)
    return Demo(out, done, found)


def _map_real(out: Path, net: OpenModel) -> None:
    """Copies the real image, which the bundled model has not learned from, and maps it."""
    image, classes = out / f"{REAL}.jpg", out / f"{REAL}_map.tif"
    deliver(image, files("smalti").joinpath("samples", image.name).read_bytes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GeoreferenceWarning)  # the image is a plain JPEG
        map(image, classes, model=net)
    write_preview(image.with_suffix(".png"), str(image), classes, net.card)
