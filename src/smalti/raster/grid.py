"""Where the pixels of a raster lie on the ground."""

from dataclasses import dataclass

from affine import Affine
from rasterio.crs import CRS

from smalti.tiling import Window


@dataclass(frozen=True, slots=True)
class Grid:
    """Size of a raster and its place: `transform` maps (column, row) to coordinates of `crs`."""

    height: int
    width: int
    transform: Affine = Affine.identity()
    crs: CRS | None = None

    def crop(self, window: Window) -> "Grid":
        """The grid of a window of this raster."""
        transform = self.transform * Affine.translation(window.col, window.row)
        return Grid(window.height, window.width, transform, self.crs)

    @property
    def georeferenced(self) -> bool:
        """Whether the pixels have a place on the ground at all."""
        return self.crs is not None and not self.transform.is_identity
