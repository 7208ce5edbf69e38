"""Smalti: aerial and satellite images become maps, tile by tile, on small computers.

    import smalti as sm

    prediction = sm.predict("scene.tif")
    sm.map("scene.tif", "map.tif", polygons="map.gpkg")

Every function returns a frozen result and prints nothing. Errors and warnings are those of `smalti.errors`. A name is
imported when it is first used.
"""

import os

TYPE_CHECKING = False  # type checkers take it as true; importing typing would take longer than everything else here
if TYPE_CHECKING:
    from smalti.card import Card as Card
    from smalti.card import Task as Task
    from smalti.errors import SmaltiError as SmaltiError
    from smalti.errors import SmaltiWarning as SmaltiWarning
    from smalti.evaluation.result import Evaluation as Evaluation
    from smalti.raster.grid import Grid as Grid
    from smalti.raster.read import open_raster as open_raster
    from smalti.remote.query import Query as Query
    from smalti.tiling import Window as Window
    from smalti.workflows.check_data import DataCheck as DataCheck
    from smalti.workflows.check_data import check_data as check_data
    from smalti.workflows.draw import DrawnScene as DrawnScene
    from smalti.workflows.draw import draw as draw
    from smalti.workflows.evaluate import evaluate as evaluate
    from smalti.workflows.export import Export as Export
    from smalti.workflows.export import export as export
    from smalti.workflows.map import map as map
    from smalti.workflows.map import map_many as map_many
    from smalti.workflows.map_options import MapOptions as MapOptions
    from smalti.workflows.map_result import MapResult as MapResult
    from smalti.workflows.models import OpenModel as OpenModel
    from smalti.workflows.models import open_model as open_model
    from smalti.workflows.mosaic import MosaicResult as MosaicResult
    from smalti.workflows.mosaic import mosaic as mosaic
    from smalti.workflows.mosaic_run import MosaicTile as MosaicTile
    from smalti.workflows.photos import PhotoRanking as PhotoRanking
    from smalti.workflows.photos import rank_photos as rank_photos
    from smalti.workflows.predict import predict as predict
    from smalti.workflows.prediction import Prediction as Prediction
    from smalti.workflows.progress import Progress as Progress
    from smalti.workflows.prune import Prune as Prune
    from smalti.workflows.prune import prune as prune
    from smalti.workflows.run import Run as Run
    from smalti.workflows.shrink import Shrink as Shrink
    from smalti.workflows.shrink import shrink as shrink
    from smalti.workflows.split_data import DataSplit as DataSplit
    from smalti.workflows.split_data import split_data as split_data
    from smalti.workflows.stats import ZoneStats as ZoneStats
    from smalti.workflows.stats import stats as stats
    from smalti.workflows.suggest import Suggestions as Suggestions
    from smalti.workflows.suggest import suggest as suggest
    from smalti.workflows.teach import Taught as Taught
    from smalti.workflows.teach import teach as teach
    from smalti.workflows.train import train as train

__version__ = "0.2.0.dev0"

_HOMES = {
    # public name: its module
    "Card": "card",
    "DataCheck": "workflows.check_data",
    "DataSplit": "workflows.split_data",
    "DrawnScene": "workflows.draw",
    "Evaluation": "evaluation.result",
    "Export": "workflows.export",
    "Grid": "raster.grid",
    "MapOptions": "workflows.map_options",
    "MapResult": "workflows.map_result",
    "MosaicResult": "workflows.mosaic",
    "MosaicTile": "workflows.mosaic_run",
    "OpenModel": "workflows.models",
    "PhotoRanking": "workflows.photos",
    "Prediction": "workflows.prediction",
    "Progress": "workflows.progress",
    "Prune": "workflows.prune",
    "Query": "remote.query",
    "Run": "workflows.run",
    "Shrink": "workflows.shrink",
    "SmaltiError": "errors",
    "SmaltiWarning": "errors",
    "Suggestions": "workflows.suggest",
    "Task": "card",
    "Taught": "workflows.teach",
    "Window": "tiling",
    "ZoneStats": "workflows.stats",
    "check_data": "workflows.check_data",
    "draw": "workflows.draw",
    "evaluate": "workflows.evaluate",
    "export": "workflows.export",
    "map": "workflows.map",
    "map_many": "workflows.map",
    "mosaic": "workflows.mosaic",
    "open_model": "workflows.models",
    "open_raster": "raster.read",
    "predict": "workflows.predict",
    "prune": "workflows.prune",
    "rank_photos": "workflows.photos",
    "shrink": "workflows.shrink",
    "split_data": "workflows.split_data",
    "stats": "workflows.stats",
    "suggest": "workflows.suggest",
    "teach": "workflows.teach",
    "train": "workflows.train",
}

__all__ = ["__version__", *_HOMES]

# Libraries with telemetry read these when they are imported; to allow it, set 0.
for _switch in ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY"):
    os.environ.setdefault(_switch, "1")

# Threads of torch that wait for others sleep: spinning, they take the core on which a training makes its windows.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# What GDAL prints past Python (`ERROR 1: ...`) is cryptic, and is raised or issued as Smalti's own messages anyway.
if "CPL_DEBUG" not in os.environ:
    os.environ.setdefault("CPL_LOG", os.devnull)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    found = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
