"""Detects damaged JPEG data, for which libjpeg only warns and fills missing parts with grey.

GDAL has an option that makes this an error for JPEG files, but only logs it for the tiles of a TIFF. Extra bytes at the
end of an image are not damage: some cameras write them.
"""

import logging
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from rasterio.env import set_gdal_config

_SWITCH = "GDAL_ERROR_ON_LIBJPEG_WARNING"
_DAMAGE = re.compile(r"JPEGLib:\s*((?!.*before marker 0xd9).*(?:Corrupt JPEG data|Premature end).*)")
_here = threading.local()


@cache
def refuse_damage() -> None:
    """Makes GDAL refuse a damaged JPEG, and records what it logs of tiles; an option that the user has set is kept."""
    if _SWITCH not in os.environ:
        set_gdal_config(_SWITCH, True)
    logging.getLogger("rasterio").addHandler(_Listener(logging.WARNING))


@contextmanager
def no_damage() -> Iterator[None]:
    """ValueError at the end if GDAL warned of damaged JPEG data that this thread read meanwhile."""
    _here.reports = []
    yield
    if _here.reports:
        raise ValueError(_here.reports[0])


class _Listener(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        found = _DAMAGE.search(record.getMessage())
        if found and hasattr(_here, "reports"):
            _here.reports.append(found[1])
