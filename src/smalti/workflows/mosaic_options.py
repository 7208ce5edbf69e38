"""Options of a mosaic besides its scenes, the model and the folder."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from smalti.arguments import check_fields
from smalti.errors import OptionError
from smalti.mapping.rasters import Wanted
from smalti.mosaics.grid import LEAST, MOST, Bounds
from smalti.mosaics.plan import Order
from smalti.mosaics.source import Reading
from smalti.raster.stretch import Stretch, parse_stretch

TileSide = Annotated[int | str, "a number of pixels, or kilometres such as `10km`"]
_KM = re.compile(r"(\d+\.?\d*)\s*km")


@dataclass(frozen=True, slots=True, kw_only=True)
class MosaicOptions:
    """Options of a mosaic's grid, its scenes and its outputs."""

    crs: str | None = None
    """A projected CRS, such as `EPSG:32633`; None for that of all scenes."""
    resolution: float | None = None
    """Metres per pixel, of the map and for the network; None for those of all scenes."""
    tile: TileSide = 8192
    """The side of an output tile."""
    extent: Sequence[float] | None = None
    """Left, bottom, right and top in the CRS of the mosaic: only tiles that touch it are made."""
    order: Order = "given"
    """The scene on top: the last one given, the one taken last, or the one with the largest clear share."""
    clouds: str | None = None
    """The cloud mask: a band of each scene, or a file named after it, as `{}_clouds.tif`."""
    cloud_values: Sequence[int] | None = None
    """Values of the mask that are clouds; None for all but 0."""
    tta: bool = False
    confidence: bool = False
    uncertainty: bool = False
    probabilities: bool = False
    stac: bool = False
    """Also a STAC item of each tile, a collection and an index."""
    bands: Sequence[str | int] | None = None
    stretch: str | Sequence[float] | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        if self.resolution is not None and not 0 < self.resolution < math.inf:
            raise OptionError(f"resolution is {self.resolution}; expected metres per pixel", value=self.resolution)
        if self.cloud_values is not None and self.clouds is None:
            raise OptionError(
                "--cloud-values are values of a mask, but none is given; add --clouds", value=self.cloud_values
            )
        _ = self.side, self.bounds, self.range  # raise where they are invalid

    @property
    def side(self) -> int | float:
        """Pixels, or kilometres as a float."""
        text = str(self.tile).strip()
        if (found := _KM.fullmatch(text)) and float(found[1]) > 0:
            return float(found[1])
        if not text.isdecimal() or not LEAST <= int(text) <= MOST:
            what = f"expected {LEAST} to {MOST} pixels, or kilometres such as 10km"
            raise OptionError(f"tile is {self.tile!r}; {what}", value=self.tile)
        return int(text)

    @property
    def bounds(self) -> Bounds | None:
        """The extent."""
        if self.extent is None:
            return None
        if len(self.extent) != 4 or not all(map(math.isfinite, self.extent)):
            raise OptionError(f"extent is {self.extent}; expected LEFT,BOTTOM,RIGHT,TOP", value=self.extent)
        left, bottom, right, top = self.extent
        if not (left < right and bottom < top):
            text = f"extent is {left:g},{bottom:g},{right:g},{top:g}: it is empty"
            raise OptionError(f"{text}; expected LEFT,BOTTOM,RIGHT,TOP", value=self.extent)
        return left, bottom, right, top

    @property
    def range(self) -> Stretch | None:
        """The range of `stretch`."""
        if self.stretch is None:
            return None
        return parse_stretch(self.stretch if isinstance(self.stretch, str) else ",".join(map(str, self.stretch)))

    @property
    def reading(self) -> Reading:
        """How scenes are read."""
        bands = None if self.bands is None else tuple(str(band) for band in self.bands)
        return Reading(bands, self.range, self.clouds, tuple(self.cloud_values or ()))

    @property
    def wanted(self) -> Wanted:
        """The rasters to write."""
        return Wanted(self.confidence, self.probabilities, True, self.uncertainty)
