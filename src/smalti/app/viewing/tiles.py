"""Tiles of 256 pixels in a scene's own grid: z = 0 is the whole scene, the last level full resolution."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from smalti.app.problems import ProblemError
from smalti.app.scenes.table import TILE
from smalti.tiling import Window

RGBA = NDArray[np.uint8]
"""(H, W, 4)."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile of a scene's grid: the pixels that it shows, and its size without what lies beyond the border."""

    window: Window
    height: int
    width: int
    step: int
    """Pixels of the scene per pixel of the tile."""


def tile_at(z: int, x: int, y: int, *, height: int, width: int, levels: int) -> Tile:
    """A tile of a scene of that size; ProblemError where there is none."""
    if not 0 <= z < levels:
        raise ProblemError(404, f"there is no level {z}; the scene has 0 to {levels - 1}")
    step = 1 << (levels - 1 - z)
    side = TILE * step
    whole = Window(y * side, x * side, side, side).intersect(Window(0, 0, height, width)) if x >= 0 <= y else None
    if whole is None:
        raise ProblemError(404, f"level {z} has no tile {x}, {y}; it lies beyond the border")
    return Tile(whole, max(1, -(-whole.height // step)), max(1, -(-whole.width // step)), step)


def part_of(tile: Tile, area: Window) -> tuple[Window, tuple[slice, slice], tuple[int, int]] | None:
    """What a tile shows of an area of the scene.

    Returns the window in the area's own pixels, the place of it in the tile, and its size there; None for nothing.
    """
    shared = tile.window.intersect(area)
    if shared is None:
        return None
    top, left = (shared.row - tile.window.row) // tile.step, (shared.col - tile.window.col) // tile.step
    bottom = min(tile.height, max(top + 1, round((shared.bottom - tile.window.row) / tile.step)))
    right = min(tile.width, max(left + 1, round((shared.right - tile.window.col) / tile.step)))
    place = slice(top, bottom), slice(left, right)
    return shared.shift(-area.row, -area.col), place, (bottom - top, right - left)


def photo(pixels: RGBA) -> tuple[bytes, str]:
    """A tile of a scene and its media type: JPEG, which takes a tenth of the time and a fifth of the bytes of PNG.

    PNG where a part is transparent.
    """
    if pixels.shape[:2] != (TILE, TILE) or not (pixels[..., 3] == 255).all():
        return png(pixels), "image/png"
    out = io.BytesIO()
    Image.fromarray(pixels[..., :3]).save(out, "JPEG", quality=90, subsampling="4:4:4")
    return out.getvalue(), "image/jpeg"


def png(pixels: RGBA) -> bytes:
    """A tile as PNG, transparent beyond the border."""
    height, width = pixels.shape[:2]
    if (height, width) != (TILE, TILE):
        whole = np.zeros((TILE, TILE, 4), np.uint8)
        whole[:height, :width] = pixels
        pixels = whole
    opaque = bool((pixels[..., 3] == 255).all())
    out = io.BytesIO()
    Image.fromarray(pixels[..., :3] if opaque else pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()
