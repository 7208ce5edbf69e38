"""Type aliases of arrays, by their axes and values."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]
"""Raw pixels of a raster in its own dtype: C,H,W; as a batch N,C,H,W."""
Picture = NDArray[np.uint8]
"""A picture for display: H,W,3, red, green, blue."""
ClassMap = NDArray[np.uint8]
"""Class ids: H,W."""
Mask = NDArray[np.bool_]
"""A mask: H,W."""
Floats = NDArray[np.float32]
"""Outputs of networks, and values of pixels: any axes."""
Doubles = NDArray[np.float64]
"""Values that need double precision: coordinates, areas, counts that are divided."""
