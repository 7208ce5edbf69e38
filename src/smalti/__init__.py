"""Smalti: aerial and satellite images become maps, tile by tile, on small computers."""

__version__ = "0.1.0"
