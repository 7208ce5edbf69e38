"""The STAC validator with the schemas that pystac brings along; those of extensions are only on the web."""

import json
from pathlib import Path
from typing import Any

import pystac

from smalti.raster.quiet import quiet

with quiet(DeprecationWarning):  # of its former name
    from stac_validator.validate import StacValidate

_SCHEMAS = Path(pystac.__file__).parent / "validation" / "jsonschemas"
_STAC = "https://schemas.stacspec.org/v1.1.0"
_PARTS = ("basics", "bands", "common", "data-values", "datetime", "instrument", "licensing", "provider")


def _map() -> dict[str, str]:
    spec = _SCHEMAS / "stac-spec" / "v1.1.0"
    found = {f"{_STAC}/{kind}-spec/json-schema/{kind}.json": spec / f"{kind}.json" for kind in ("item", "collection")}
    found |= {f"{_STAC}/item-spec/json-schema/{part}.json": spec / f"{part}.json" for part in _PARTS}
    geojson = {f"https://geojson.org/schema/{name}.json": _SCHEMAS / "geojson" / f"{name}.json" for name in
               ("Feature", "Geometry")}  # fmt: skip
    return {url: str(path) for url, path in (found | geojson).items()}


def check_valid(document: dict[str, Any], folder: Path) -> None:
    """AssertionError unless an item or collection is valid by the core specification."""
    file = folder / "stac.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    validation = StacValidate(str(file), core=True, schema_map=_map())
    assert validation.run(), validation.message
