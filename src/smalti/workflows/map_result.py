"""The result of mapping one scene."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smalti.products import Product
from smalti.raster.grid import Grid
from smalti.scene import Summary


@dataclass(frozen=True)
class MapResult:
    """A finished map, and the files that were written with it."""

    scene: str
    path: Path
    """The map."""
    products: dict[Path, Product] = field(repr=False, hash=False)
    """Every raster with its content; the map is one of them."""
    grid: Grid = field(repr=False)
    """Size and georeference of the map."""
    summary: Summary | None
    """Speed of this run; None if the map was already finished."""
    polygons: Path | None = None
    polygon_count: int = 0
    page: Path | None = None
    addresses: tuple[str, ...] = ()
    """Where all files lie, the map first, if the output is in an object store; `path` is where the map was made."""
    item: dict[str, Any] | None = field(default=None, repr=False, hash=False)
    """The STAC item of the map, if one was written."""
    unlike: float | None = None
    """The share of the scene, from 0 to 1, that is unlike what the model was trained on; None where the model does not
    measure it."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """All requested files, the map first."""
        rasters = sorted(self.products, key=lambda path: path != self.path)
        return (*rasters, *(path for path in (self.polygons, self.page) if path is not None))

    def __repr__(self) -> str:
        size = f"{self.grid.height} x {self.grid.width} pixels"
        speed = f"{self.summary.seconds:.1f} s" if self.summary else "already finished"
        more = "".join(f", {path.name}" for path in self.paths[1:])
        where = self.addresses[0] if self.addresses else str(self.path)
        return f"MapResult({where!r}{more}: {size}, {speed})"
