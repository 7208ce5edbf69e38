"""What a job's layers say of one pixel of its scene."""

import math

from smalti.app.jobs.layers import Growing
from smalti.app.problems import ProblemError
from smalti.app.schemas import Spot
from smalti.app.viewing.view import Views
from smalti.products import NO_PROBABILITY, PROBABILITY_STEPS
from smalti.raster.grid import Grid
from smalti.tiling import Window


def spot_at(job: Growing, area: Window, scene: Grid, *, col: int, row: int, views: Views) -> Spot:
    """The values at a pixel, given in the scene's pixels; none where the map is not finished. ProblemError outside."""
    if not (0 <= col < scene.width and 0 <= row < scene.height):
        raise ProblemError(422, f"column {col}, row {row} lies outside of {scene.width} x {scene.height} pixels")
    x, y = scene.xy(col + 0.5, row + 0.5)
    lon, lat = _degrees(scene, x, y)
    spot = Spot(col=col, row=row, values={}, x=x, y=y, lon=lon, lat=lat)
    inside = area.row <= row < area.bottom and area.col <= col < area.right
    return _filled(spot, job, Window(row - area.row, col - area.col, 1, 1), views) if inside else spot


def _filled(spot: Spot, job: Growing, window: Window, views: Views) -> Spot:
    for layer in job.layers:
        value = float(job.look(layer, window, (1, 1), views)[0, 0])
        form, task = layer.product.form, layer.product.task
        if form == "classes":
            known = value < len(task.labels)
            if known and layer is job.layers[0]:
                spot = spot.model_copy(update={"value": int(value), "label": task.labels[int(value)]})
            if known and layer is not job.layers[0]:
                spot.values[layer.name] = value
        elif form == "values" and math.isfinite(value):
            spot.values[layer.name] = round(value, 3)
        elif form in ("confidence", "uncertainty") and value != NO_PROBABILITY:
            spot.values[layer.name] = value / PROBABILITY_STEPS
    return spot


def _degrees(scene: Grid, x: float, y: float) -> tuple[float | None, float | None]:
    if not scene.georeferenced or scene.crs is None or not (scene.crs.is_geographic or scene.crs.is_projected):
        return None, None
    import pyproj

    try:
        lon, lat = pyproj.Transformer.from_crs(scene.crs.to_wkt(), "OGC:CRS84", always_xy=True).transform(x, y)
    except pyproj.exceptions.ProjError:
        return None, None
    return (lon, lat) if math.isfinite(lon) and math.isfinite(lat) else (None, None)
