"""How much each class of a map covers, counted once and kept beside the map."""

import json
from pathlib import Path

from smalti.app.folders import Folders
from smalti.app.jobs.layers import Layer, read_layers
from smalti.app.jobs.table import Stored
from smalti.app.problems import ProblemError
from smalti.app.schemas import AreaRow
from smalti.files import write_whole
from smalti.raster.ground import axes_m
from smalti.raster.palette import to_hex
from smalti.raster.read import open_raster
from smalti.report.map_page import class_shares
from smalti.report.pictures import shrunk_map

_KEPT = "areas.json"


def areas_of(job: Stored, folders: Folders) -> list[AreaRow]:
    """The rows of a finished job; of a comparison only the changes that occur. ProblemError without classes."""
    layers = read_layers(job.spec)
    if job.state != "done" or not layers or layers[0].product.form != "classes":
        raise ProblemError(409, f"the job is {job.state} and has no areas; wait for a map of classes")
    folder = folders.job(job.id)
    kept = folder / _KEPT
    if not kept.is_file():
        rows = _counted(folder / layers[0].file, layers[0])
        write_whole(kept, json.dumps([row.model_dump() for row in rows]).encode())
    found = [AreaRow(**row) for row in json.loads(kept.read_text(encoding="utf-8"))]
    return found if job.kind == "map" else [_pair(row, job) for row in found if row.pixels]


def _counted(path: Path, layer: Layer) -> list[AreaRow]:
    with open_raster(path, bands=[1], expand=False) as file:
        known = axes_m(file.grid) is not None
        shares = class_shares(shrunk_map(file, 256), layer.product.task)
    return [
        AreaRow(
            value=value, label=share.label, color=to_hex(share.color), pixels=share.pixels, share=share.share,
            hectares=share.hectares if known else None,
        )
        for value, share in enumerate(shares)
    ]  # fmt: skip


def _pair(row: AreaRow, job: Stored) -> AreaRow:
    before, after = divmod(row.value, job.spec["after_classes"])
    labels = job.spec["before_labels"], job.spec["after_labels"]
    return row.model_copy(update={"before": labels[0][before], "after": labels[1][after]})
