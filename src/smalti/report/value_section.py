"""A task with values on the page of an evaluation: all measures, sample tiles and their errors."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from smalti.evaluation import Pair, ValueResult
from smalti.evaluation.tiles import SIDE, ValueTile
from smalti.raster.palette import NO_DATA, RAMP
from smalti.report.pictures import data_uri
from smalti.report.relief import TOO_HIGH, TOO_LOW, error_map, limits, paint
from smalti.report.tiles import MOST_IMAGES, ShownTile, notable_of, show_tiles, tile_picture


def value_section(result: ValueResult, pairs: Sequence[Pair]) -> dict[str, Any]:
    """The values of the template `values.html`; the pictures of its tiles are read again from `pairs`."""
    images = sorted(result.images, key=lambda row: (-row.rmse, row.name))
    chosen = [tile.maps() for tile in notable_of(result.tiles, pairs)]
    low, high = limits(np.concatenate([maps[0].reshape(-1) for maps in chosen])) if chosen else (0.0, 1.0)
    unit, span = result.task.unit, 2 * result.scores.rmse or 1.0
    most = f"{span:.3g}{f' {unit}' if unit else ''} or more"
    return {
        "template": "values.html",
        "result": result,
        "brief": f"Split: {result.protocol.stated.split}. Whole protocol below.",
        "tiles": show_tiles(result.tiles, pairs, lambda tile, pair: _shown(result, pair, tile, (low, high), span)),
        "beside": {f"too low by {most}": TOO_LOW, f"too high by {most}": TOO_HIGH, "unknown": NO_DATA},
        "ramp": RAMP,
        "low": low,
        "high": high,
        "side": SIDE,
        "images": images[:MOST_IMAGES],
        "more_images": max(0, len(images) - MOST_IMAGES),
    }


def _shown(result: ValueResult, pair: Pair, tile: ValueTile, ends: tuple[float, float], span: float) -> ShownTile:
    truth, prediction = tile.maps()
    pictures = {
        "image": data_uri(tile_picture(pair, tile.window)),
        "ground truth": data_uri(paint(truth, *ends)),
        "prediction": data_uri(paint(prediction, *ends)),
        "errors": data_uri(error_map(truth, prediction, span)),
    }
    text = f"RMSE {tile.rmse:.4g} {result.task.unit}".rstrip() + f" over {tile.pixels:,} pixels"
    return ShownTile(tile.image, tile.window.row, tile.window.col, text, pictures)
