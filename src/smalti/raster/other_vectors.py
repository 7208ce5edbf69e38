"""Vector files that GDAL reads and writes, by pyogrio: its wheel brings a second GDAL, so it is an extra."""

from importlib.util import find_spec

from smalti.errors import MissingExtraError


def need_pyogrio(does: str) -> None:
    """MissingExtraError if pyogrio, which `does` something, is not installed."""
    if find_spec("pyogrio") is None:
        raise MissingExtraError(f"pyogrio, which {does},", "vector")
