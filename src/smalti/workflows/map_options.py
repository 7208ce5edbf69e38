"""Options of a map besides the scene, the model and the output."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from smalti.arguments import check_fields
from smalti.errors import OptionError
from smalti.mapping.fit import Resolution, in_metres
from smalti.mapping.rasters import Wanted
from smalti.raster.stretch import Stretch, parse_stretch


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOptions:
    """Options of reading and mapping a scene, and of the files written besides the map."""

    tta: bool = False
    """Average over flips and quarter turns: two to eight times the work."""
    confidence: bool = False
    """Also OUT_confidence.tif: the probability of the predicted class."""
    uncertainty: bool = False
    """Also OUT_uncertainty.tif: the probability that the predicted class is wrong, calibrated where the model is."""
    probabilities: bool = False
    """Also OUT_probabilities.tif: one band per class."""
    cog: bool = False
    """Cloud Optimized GeoTIFFs."""
    polygons: str | None = None
    """A file of polygons, .gpkg, .parquet, .geojson or .fgb; for several scenes only the ending."""
    min_area: float = 0.0
    """The smallest polygon in square metres."""
    report: bool = False
    """Also OUT.html: a page about the map."""
    stac: bool = False
    """Also a STAC item for each map, a collection and an index, as outputs in object stores always have."""
    resolution: Resolution = "auto"
    """Metres per pixel that the network sees; `auto`: the nearest size in the model's range, but at least half of
    the scene's own, where that is far outside of the range; `native`: the scene's own. The map has the scene's pixels
    in any case."""
    bands: Sequence[str | int] | None = None
    """Bands for the model, by name or by number from 1, in the model's order; kept as text."""
    stretch: str | Sequence[float] | None = None
    """The range of values that becomes 0 to 255 where the model takes bytes: `2%,98%` of each band of the whole scene,
    `0,3000`, or a pair of values; None leaves pixels as they are."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.bands is not None:
            object.__setattr__(self, "bands", tuple(str(band) for band in self.bands))
        object.__setattr__(self, "resolution", in_metres(self.resolution))
        _ = self.range  # raises where it is invalid
        if not 0 <= self.min_area < math.inf:
            raise OptionError(f"min_area is {self.min_area}; expected square metres, at least 0", value=self.min_area)
        if self.min_area and not self.polygons:
            text = f"--min-area {self.min_area:g} is the smallest polygon, but no polygons are written; give --polygons"
            raise OptionError(text, value=self.min_area)

    @property
    def range(self) -> Stretch | None:
        """The range of `stretch`; OptionError if it is invalid."""
        if self.stretch is None:
            return None
        return parse_stretch(self.stretch if isinstance(self.stretch, str) else ",".join(map(str, self.stretch)))

    @property
    def wanted(self) -> Wanted:
        """The rasters to write besides the map, and how."""
        return Wanted(self.confidence, self.probabilities, self.cog, self.uncertainty)
