"""How many files may be open at once."""

import os
from functools import cache

from rasterio.env import set_gdal_config

_ENOUGH = 512
"""Enough for the usual number of sources of a virtual raster, each with its side-cars."""
_OWN = 32
"""Files that a process has open for other reasons."""


@cache
def bound_pool() -> None:
    """Lets virtual rasters keep as many sources open as the process is allowed to; GDAL's default is 100."""
    allowed = _allowed()
    if allowed < _ENOUGH and "GDAL_MAX_DATASET_POOL_SIZE" not in os.environ:
        set_gdal_config("GDAL_MAX_DATASET_POOL_SIZE", max(2, (allowed - _OWN) // 2))


def _allowed() -> int:
    """Files that this process may open, after raising its limit as far as allowed; plenty where there is no limit."""
    try:
        import resource
    except ImportError:  # Windows
        return _ENOUGH
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return _ENOUGH if soft == resource.RLIM_INFINITY else soft
