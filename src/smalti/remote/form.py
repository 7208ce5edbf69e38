"""The form of STAC documents, as far as they are read here: what strangers wrote is checked once, where it comes in."""

# ruff: noqa: UP013  keys such as eo:bands are no names of Python
from typing import Annotated, Any

from pydantic import BeforeValidator, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from smalti.errors import DataError


def _list(value: object) -> object:
    return [] if value is None else value


def _table(value: object) -> object:
    return {} if value is None else value


_Table = Annotated[dict[str, Any], BeforeValidator(_table)]
_Tables = Annotated[list[dict[str, Any]], BeforeValidator(_list)]
_Texts = Annotated[list[str], BeforeValidator(_list)]
_Boxes = Annotated[list[list[float | None]], BeforeValidator(_list)]  # of nulls where a collection has no items
_Times = Annotated[list[list[str | None]], BeforeValidator(_list)]

_Asset = TypedDict(
    "_Asset", {"roles": _Texts, "bands": _Tables, "eo:bands": _Tables, "raster:bands": _Tables}, total=False
)
_Spatial = TypedDict("_Spatial", {"bbox": _Boxes}, total=False)
_Temporal = TypedDict("_Temporal", {"interval": _Times}, total=False)
_Extent = TypedDict("_Extent", {"spatial": _Spatial | None, "temporal": _Temporal | None}, total=False)
_Document = TypedDict(
    "_Document",
    {
        "bbox": list[float] | None,
        "properties": _Table,
        "links": _Tables,
        "assets": Annotated[dict[str, _Asset], BeforeValidator(_table)],
        "features": _Tables,
        "conformsTo": _Texts,
        "extent": _Extent | None,
    },
    total=False,
)
_DOCUMENT = TypeAdapter(_Document)


def check_form(document: object, place: str) -> None:
    """DataError if the parts of a document that are read are not of the types that STAC states."""
    try:
        _DOCUMENT.validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "document"
        raise DataError(f"{place}: {where}: {first['msg']}; expected a STAC document", value=place) from None
