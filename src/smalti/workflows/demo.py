"""A complete demonstration, from a drawn scene to a scored map."""

from dataclasses import dataclass
from pathlib import Path

from smalti.evaluation import Evaluation, evaluate
from smalti.mapping.protect import check_page
from smalti.report.evaluation_page import write_evaluation_page
from smalti.report.own_picture import check_picture
from smalti.report.preview import write_preview
from smalti.synth.files import write_scene
from smalti.workflows.eval_data import Specs, file_pair
from smalti.workflows.map import MapResult, map
from smalti.workflows.models import AnyModel, opened
from smalti.workflows.progress import Meter, Show
from smalti.workflows.scores_file import check_scores_file, write_scores_file

FILES = {
    "report.html": "scores, confusion matrix and example tiles: open this first",
    "preview.png": "scene, map and both at a glance",
    "scene.tif": "the drawn scene",
    "scene_map.tif": "its map, with colours and class names",
    "scene_map.gpkg": "the map as polygons",
    "scene_map.html": "area of each class, and how long the map took",
    "scene_classes.tif": "exact ground truth: classes",
    "scene_height.tif": "exact ground truth: heights in metres",
    "scene_buildings.gpkg": "exact ground truth: buildings",
    "scores.json": "all figures, each with its protocol",
}
SMALLEST_POLYGON = 2.0
"""Square metres; smaller polygons are mostly noise."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A drawn scene, its map, and the scores of the map."""

    folder: Path
    """The folder with all of `FILES`."""
    map: MapResult
    evaluation: Evaluation


def demo(out: Path, *, size: int, seed: int, model: AnyModel = "landcover", progress: Show | None = None) -> Demo:
    """Draws, maps and scores a scene of `size` x `size` pixels into the folder `out`."""
    scene, classes, net = out / "scene.tif", out / "scene_map.tif", opened(model)
    check_page(page := out / "report.html")
    check_picture(preview := out / "preview.png")
    check_scores_file(scores := out / "scores.json")
    truth = write_scene(scene, size, size, seed, advance=Meter(progress, "drawing", size * size, "Pix"))[1]
    polygons = classes.with_suffix(".gpkg")
    done = map(scene, classes, model=net, polygons=polygons, min_area=SMALLEST_POLYGON, report=True, progress=progress)
    pair = file_pair(scene.name, scene, {net.card.class_task().name: truth}, net.card, Specs())
    place, chosen = f"a drawn scene, seed {seed}", net.card.origin.chosen
    found = evaluate(net, [pair], data=place, split="the whole scene", chosen=chosen, tiles=True)
    write_preview(preview, str(scene), classes, found.card)
    write_evaluation_page(page, found, [pair])
    write_scores_file(scores, found)
    return Demo(out, done, found)
