"""The STAC item of a map: where and when, which classes, from which scene, by which model.

STAC 1.1, with the extensions classification 2, raster 1.1, projection 2 and processing 1.2.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smalti import __version__
from smalti.card import Card, Task
from smalti.products import PROBABILITY_STEPS, Product
from smalti.raster.grid import Grid
from smalti.raster.ground import pixel_size_m
from smalti.raster.palette import task_colors
from smalti.remote.store import KINDS

STAC = "1.1.0"
_EXTENSIONS = "https://stac-extensions.github.io/{}/schema.json"
CLASSIFICATION, RASTER, PROJECTION, PROCESSING = (
    _EXTENSIONS.format(name) for name in ("classification/v2.0.0", "raster/v1.1.0", "projection/v2.0.0",
    "processing/v1.2.0")
)  # fmt: skip
JOB = "smalti:job"
"""The property by which an item is known as one of this program, and as complete: the job that made the map."""
_NOT_A_NAME = re.compile(r"[^0-9A-Za-z_-]+")
_TIMES = ("datetime", "start_datetime", "end_datetime")


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """The ground of a map in degrees."""

    geometry: Mapping[str, Any]
    """A polygon or several, as GeoJSON."""
    bbox: tuple[float, float, float, float]
    """West, south, east, north; west is above east across the antimeridian."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What is told of one map."""

    stem: str
    grid: Grid
    footprint: Footprint | None
    """None for a map without a place."""
    rasters: Mapping[str, Product]
    """Names of files, the map's own first."""
    polygons: str | None
    polygon_count: int
    page: str | None
    sources: Sequence[str]
    """Addresses of what the map was made of: of the item, or of the files."""
    times: Mapping[str, str | None]
    """`datetime`, perhaps with `start_datetime` and `end_datetime`."""
    created: str
    card: Card
    sha256: str
    """Of the model."""
    job: str
    cog: bool


def map_item(told: Described) -> dict[str, Any]:
    """The item, with relative links."""
    bounds = {} if told.footprint is None else {"bbox": list(told.footprint.bbox)}
    return {
        "type": "Feature",
        "stac_version": STAC,
        "stac_extensions": [CLASSIFICATION, RASTER, PROJECTION, PROCESSING],
        "id": told.stem,
        "geometry": None if told.footprint is None else dict(told.footprint.geometry),
        **bounds,
        "properties": _properties(told),
        "links": _links(told),
        "assets": _assets(told),
        "collection": COLLECTION_ID,
    }


COLLECTION_ID = "maps"
COLLECTION = "collection.json"


def model_file(card: Card, sha256: str) -> str:
    """The name of the document that states which model made a map."""
    return f"model-{_NOT_A_NAME.sub('-', card.name)}-{sha256[:12]}.json"


def source_times(item: Mapping[str, Any]) -> dict[str, str | None]:
    """The times that a source's item states."""
    properties = item.get("properties") or {}
    return {key: properties.get(key) for key in _TIMES if key == "datetime" or properties.get(key)}


def asset_of(product: Product, grid: Grid | None, cog: bool) -> dict[str, Any]:
    """An asset of a raster, without its address: of any map, or with the pixel size of a grid."""
    kind = KINDS[".tif"] if cog else "image/tiff; application=geotiff"
    found = {"type": kind, "title": product.bands[0] if len(product.bands) == 1 else product.form, "roles": ["data"]}
    bands = [_band(product, grid) | ({"name": name} if len(product.bands) > 1 else {}) for name in product.bands]
    classes = {"classification:classes": _classes(product.task)} if product.form == "classes" else {}
    return {**found, "raster:bands": bands, **classes}


def _properties(told: Described) -> dict[str, Any]:
    grid = told.grid
    code = grid.crs.to_authority() if grid.crs else None
    place: dict[str, Any] = {"proj:code": ":".join(code) if code else None, "proj:shape": [grid.height, grid.width]}
    if grid.crs and not code:
        place["proj:wkt2"] = grid.crs.to_wkt(version="WKT2_2019")
    if grid.georeferenced:
        place["proj:transform"] = list(grid.transform)[:6]
    by = f"{told.card.name} (SHA-256 {told.sha256})"
    return {
        **told.times,
        "created": told.created,
        "title": f"{told.card.name}: {told.stem}",
        **place,
        "processing:software": {"Smalti": __version__},
        "processing:lineage": f"Each pixel predicted by the model {by} with Smalti {__version__}",
        "smalti:model": told.card.name,
        "smalti:polygons": told.polygon_count,
        JOB: told.job,
    }


def _links(told: Described) -> list[dict[str, str]]:
    up = {"href": f"./{COLLECTION}", "type": "application/json"}
    model = {"rel": "model", "href": f"./{model_file(told.card, told.sha256)}", "type": "application/json"}
    return [
        *({"rel": rel, **up} for rel in ("root", "parent", "collection")),
        *({"rel": "derived_from", "href": source} for source in told.sources),
        {**model, "title": told.card.name},
    ]


def _assets(told: Described) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, product in told.rasters.items():
        key = "map" if not found else name.removeprefix(f"{told.stem}_").rpartition(".")[0]
        found[key] = {"href": f"./{name}", **asset_of(product, told.grid, told.cog)}
    for key, other, role in (("polygons", told.polygons, "data"), ("report", told.page, "overview")):
        if other:
            kind = KINDS.get(f".{other.rpartition('.')[2]}", "application/octet-stream")
            found[key] = {"href": f"./{other}", "type": kind, "roles": [role]}
    return found


def _band(product: Product, grid: Grid | None) -> dict[str, Any]:
    nodata = "nan" if product.form == "values" else product.nodata
    found: dict[str, Any] = {"data_type": product.dtype.name, "nodata": nodata}
    if product.form == "values" and product.task.unit:
        found["unit"] = product.task.unit
    if product.form in ("confidence", "uncertainty", "probabilities"):
        found["scale"] = 1 / PROBABILITY_STEPS
    if grid is not None and (size := pixel_size_m(grid)) is not None:
        found["spatial_resolution"] = size
    return found


def _classes(task: Task) -> list[dict[str, Any]]:
    rows = zip(task.labels, task_colors(task), strict=True)
    found: list[dict[str, Any]] = [
        {
            "value": k,
            "name": _NOT_A_NAME.sub("_", label).strip("_") or f"class_{k}",
            "title": label,
            "color_hint": "{:02X}{:02X}{:02X}".format(*color),
        }
        for k, (label, color) in enumerate(rows)
    ]
    return [*found, {"value": task.ignore, "name": "nodata", "title": "no data", "nodata": True}]
