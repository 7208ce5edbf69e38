"""What `smalti demo` does."""

from pathlib import Path

import click
from tqdm import tqdm

from smalti.cli import exit_code
from smalti.cli.map import tell
from smalti.cli.progress import Bars
from smalti.cli.scored_data import Specs, file_pair
from smalti.evaluation import Evaluation, Pair, evaluate
from smalti.files import deliver
from smalti.report.evaluation_page import write_evaluation_page
from smalti.report.preview import write_preview
from smalti.runtime.open import open_model
from smalti.synth.files import write_scene
from smalti.workflows.map import MapResult, map_many
from smalti.workflows.map_options import MapOptions

FILES = {
    "report.html": "scores, confusion matrix and telling tiles: open this first",
    "preview.png": "scene, map and both at a glance",
    "scene.tif": "the drawn scene",
    "scene_map.tif": "its map, with colours and class names",
    "scene_map.gpkg": "the map as polygons",
    "scene_map.html": "what covers the ground, and how long the map took",
    "scene_classes.tif": "the exact truth: classes",
    "scene_height.tif": "the exact truth: heights in metres",
    "scene_buildings.gpkg": "the exact truth: buildings",
    "scores.json": "all figures, each with its protocol",
}
SMALLEST_POLYGON = 2.0
"""Square metres; what is smaller is mostly noise."""


def show(out: Path, size: int, seed: int, model: str = "landcover") -> int:
    """Draws, maps and scores into the folder `out`, and tells about it; returns the exit code."""
    scene, classes = out / "scene.tif", out / "scene_map.tif"
    predict = open_model(model)
    with tqdm(total=size * size, unit="Pix", unit_scale=True, desc="drawing", disable=None, leave=False) as bar:
        truth = write_scene(scene, size, size, seed, advance=bar.update)[1]
    polygons = str(classes.with_suffix(".gpkg"))
    options = MapOptions(polygons=polygons, min_area=SMALLEST_POLYGON, report=True)
    with Bars() as bars:
        for found in map_many([scene], classes, model=model, options=options, progress=bars):
            bars.close()
            if not isinstance(found, MapResult):
                click.echo(f"smalti: {found}", err=True)
                return exit_code(found)
            tell(found)
    pair = file_pair(scene.name, scene, {predict.card.class_task().name: truth}, predict.card, Specs())
    place = f"a drawn scene, seed {seed}"
    chosen = predict.card.origin.chosen
    evaluation = evaluate(predict, [pair], data=place, split="the whole scene", chosen=chosen, tiles=True)
    _write_all(out, scene, classes, evaluation, pair)
    click.echo(f"\n{evaluation}\n")
    width = max(map(len, FILES))
    for name, what in FILES.items():
        click.echo(f"{out / name!s:<{len(str(out)) + 1 + width}}  {what}")
    return 0


def _write_all(out: Path, scene: Path, classes: Path, evaluation: Evaluation, pair: Pair) -> None:
    """The files that show how good the map is."""
    write_preview(out / "preview.png", str(scene), classes, evaluation.card)
    write_evaluation_page(out / "report.html", evaluation, [pair])
    deliver(out / "scores.json", evaluation.to_json().encode())
