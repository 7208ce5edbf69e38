"""Smalti: aerial and satellite images become maps, tile by tile, on small computers."""

import os

__version__ = "0.1.0"

# Libraries that report their use over the network read these when they are imported; whoever wants it sets 0.
for _switch in ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY"):
    os.environ.setdefault(_switch, "1")

# What GDAL prints past Python (`ERROR 1: ...`) a person cannot read, and it is raised or told in words of our own.
if "CPL_DEBUG" not in os.environ:
    os.environ.setdefault("CPL_LOG", os.devnull)
