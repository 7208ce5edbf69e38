"""Reading rasters that lie on servers and in object stores: GDAL's names and settings for them, and patience."""

import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar
from urllib.parse import urlsplit

import rasterio
from rasterio.env import set_gdal_config
from rasterio.errors import NotGeoreferencedWarning
from rasterio.session import DummySession

from smalti.raster.check import REFUSALS, is_local
from smalti.raster.quiet import quiet

T = TypeVar("T")

OPENING = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_INGESTED_BYTES_AT_OPEN": "32768"}
"""While a remote raster is opened: listing its folder costs requests, and headers of large rasters take several."""
READING = {
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_HTTP_MULTIPLEX": "YES",
    "CPL_VSIL_CURL_CACHE_SIZE": "67108864",  # bytes of blocks of all remote files; GDAL's 16 MB are less than a row
    "GDAL_HTTP_MAX_RETRY": "6",  # with the delay, about half a minute
    "GDAL_HTTP_RETRY_DELAY": "0.5",
    "GDAL_HTTP_RETRY_CODES": "429,500,502,503,504",
    "GDAL_HTTP_CONNECTTIMEOUT": "20",
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1000",  # bytes per second, below which for so long ...
    "GDAL_HTTP_LOW_SPEED_TIME": "30",  # ... seconds a connection counts as dead
}
"""For each thread that opens or reads a remote raster; a variable of the environment wins."""
PAUSES_S = (0.5, 1, 2, 4, 8)
"""Between attempts to read what GDAL itself does not ask for again: a connection that was cut."""

_FAR = re.compile(r"^(?:https?|ftp|s3|gs|az)://|/vsi(?:curl|s3|gs|az|adls|oss|swift|hdfs|webhdfs)", re.IGNORECASE)
_HANDLERS = {"s3": "/vsis3/", "gs": "/vsigs/", "az": "/vsiaz/"}
_prepared = threading.local()
"""Where the settings are made: rasterio makes those of the main thread for all, those of another one for it alone."""


def is_far(name: str) -> bool:
    """Whether a raster is read from a server or an object store, as far as its name tells."""
    return bool(_FAR.search(name))


def gdal_name(name: str) -> str:
    """The name by which GDAL itself, with its own credentials, opens an object: /vsis3/... of s3://..."""
    scheme, found, rest = name.partition("://")
    return _HANDLERS[scheme.lower()] + rest if found and scheme.lower() in _HANDLERS else name


def opening(name: str) -> rasterio.Env:
    """GDAL's settings while a raster is opened. Credentials are GDAL's own: rasterio would ask boto3 each time."""
    if is_far(name):
        _prepare()
    return rasterio.Env(DummySession(), **({} if is_local(name) else OPENING))


def patiently(name: str, read: Callable[[], T]) -> T:
    """The result of `read`; where a remote raster fails to be read, it is tried again, later and later."""
    if is_far(name):
        _prepare()
    for pause in PAUSES_S if is_far(name) else ():
        try:
            return read()
        except REFUSALS:
            time.sleep(pause)
    return read()


def forget(name: str) -> None:
    """Drops what GDAL keeps of a remote raster for the whole process: it never asks whether that has changed."""
    whole = gdal_name(name)
    fresh = rasterio.Env(DummySession(), CPL_VSIL_CURL_NON_CACHED=whole)
    with suppress(*REFUSALS), quiet(NotGeoreferencedWarning), opening(name), fresh:
        rasterio.open(whole).close()


def _prepare() -> None:
    if not hasattr(_prepared, "done"):
        for key, value in (READING | _endpoint()).items():
            if key not in os.environ:
                set_gdal_config(key, value)
        _prepared.done = True


def _endpoint() -> dict[str, str]:
    """GDAL's variables for the address of a store by S3's protocol that other programs read from AWS_ENDPOINT_URL."""
    url = urlsplit(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", ""))
    if not url.netloc:
        return {}
    https = "NO" if url.scheme == "http" else "YES"
    return {"AWS_S3_ENDPOINT": url.netloc + url.path.rstrip("/"), "AWS_HTTPS": https, "AWS_VIRTUAL_HOSTING": "FALSE"}
