"""Makes one file of a finished job: a Cloud Optimized GeoTIFF, polygons, or the report."""

import shutil
from pathlib import Path

from smalti.app.database import Database
from smalti.app.folders import Folders
from smalti.app.jobs.doing import make_map
from smalti.app.jobs.layers import MAP, Layer, read_layers
from smalti.app.jobs.results import COG, PAGE
from smalti.app.jobs.table import Stored, stored
from smalti.errors import InputError
from smalti.files import appearing
from smalti.raster.read import open_raster
from smalti.raster.write import optimize


def make_result(folders: Folders, job: str, name: str) -> None:
    """Makes a file that the job did not make itself; raises what the engine raises."""
    with Database(folders.database).connect() as rows:
        row = rows.execute("SELECT * FROM jobs WHERE id = ?", (job,)).fetchone()
    if row is None:
        raise InputError(f"there is no job {job}")
    found = stored(row)
    folder = folders.job(job)
    layer = read_layers(found.spec)[0]
    if name == COG:
        _optimize(folder / MAP, folder / COG, layer, bool(found.shown.options.get("cog")))
    elif name == PAGE:
        make_map(found, folders, report=True)
    else:
        _trace(found, folder / MAP, folder / name, layer)


def _optimize(source: Path, target: Path, layer: Layer, already: bool) -> None:
    with appearing(target, ".tif") as unfinished:
        shutil.copyfile(source, unfinished)
        if not already:
            optimize(unfinished, layer.product)


def _trace(job: Stored, source: Path, target: Path, layer: Layer) -> None:
    from smalti.workflows.map_run import write_polygons

    with open_raster(source, expand=False) as file:
        grid = file.grid
    write_polygons(source, grid, layer.product.task, target, float(job.shown.options.get("min_area", 0.0)))
