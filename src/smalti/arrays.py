"""Names of arrays: what their axes and numbers are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]
"""Raw pixels of a raster in its own type: C,H,W; as a batch N,C,H,W."""
Picture = NDArray[np.uint8]
"""A picture as people see it: H,W,3, red, green, blue."""
ClassMap = NDArray[np.uint8]
"""Class ids: H,W."""
Mask = NDArray[np.bool_]
"""Where something holds: H,W."""
Floats = NDArray[np.float32]
"""What a network gives, and what is drawn or measured of pixels: any axes."""
Doubles = NDArray[np.float64]
"""What needs many digits: coordinates, areas, counts that are divided."""
