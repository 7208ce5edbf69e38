"""What a job does, by its kind; the engine is called as the command line calls it."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from smalti.app.database import Database
from smalti.app.folders import Folders
from smalti.app.jobs.comparing import compare
from smalti.app.jobs.layers import MAP, layers_of, read_layers
from smalti.app.jobs.table import Stored
from smalti.app.limits import Limits
from smalti.app.models import find_entry
from smalti.app.scenes.table import Scenes
from smalti.errors import ModelError, SmaltiError
from smalti.files import guarded
from smalti.raster.area import Area
from smalti.tiling import Window
from smalti.workflows.map import map_many
from smalti.workflows.map_options import MapOptions
from smalti.workflows.models import OpenModel, open_model
from smalti.workflows.progress import Show


def do(job: Stored, folders: Folders, report: Show) -> None:
    """Does a job, or the rest of it; raises whatever ends it."""
    folder = folders.job(job.id)
    with guarded(folder):
        folder.mkdir(exist_ok=True, mode=0o700)
    match job.kind:
        case "map":
            make_map(job, folders, report)
        case "compare":
            compare(job, folders, report)
        case _:
            _rank(folders.found(job.spec["folder"]), folder, report)


def make_map(job: Stored, folders: Folders, show: Show | None = None, **more: Any) -> None:
    """Makes a job's map, or what of it is missing; `more` are further options."""
    folder = folders.job(job.id)
    scene = scene_path(job, folders)
    options = map_options(job.spec, folder, **more)
    entry = find_entry(str(job.model), folders.models(job.owner))
    model, area = _opened(str(entry.path), entry.sha256), area_of_spec(job.spec)
    if layers_of(model.card, options.wanted) != read_layers(job.spec):
        raise ModelError(f"{job.model}: predicts something else than when the job was started; start a new one")
    for found in map_many([str(scene)], str(folder / MAP), model=model, options=options, area=area, progress=show):
        if isinstance(found, SmaltiError):
            raise found


def scene_path(job: Stored, folders: Folders) -> Path:
    """The file of a job's scene; RasterError if it is gone."""
    return Scenes(Database(folders.database), folders, Limits()).get(job.owner, str(job.scene)).file()


def map_options(spec: dict[str, Any], folder: Path, **more: Any) -> MapOptions:
    """The options of a stored job; OptionError where they contradict each other."""
    asked = {**spec["options"], **more}
    if asked["polygons"]:
        asked["polygons"] = str(folder / f"map{asked['polygons']}")
    return MapOptions(**asked)


def area_of_spec(spec: dict[str, Any]) -> Area | None:
    """The part of the scene that a job maps; None for all of it."""
    if spec.get("area") is None:
        return None
    col, row, width, height = spec["window"]
    rings = tuple(tuple((x, y) for x, y in ring) for ring in spec.get("rings", ()))
    return Area(Window(row, col, height, width), rings)


@lru_cache(maxsize=1)
def _opened(model: str, sha256: str) -> OpenModel:
    """A model that stays open for the next job, unless its file is another one by then."""
    return open_model(model)


def _rank(photos: Path, folder: Path, report: Show) -> None:
    """Ranks photos; nothing is written beside them."""
    from smalti.workflows.photos import PhotoOptions, rank_folder, write_ranking

    options = PhotoOptions(report=True, home=folder)
    options.check(photos)
    write_ranking(rank_folder(photos, options, report), options)
