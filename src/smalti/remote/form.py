"""The form of STAC documents, as far as they are read here: what strangers wrote is checked once, where it comes in."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from smalti.errors import DataError


def _list(value: object) -> object:
    return [] if value is None else value


def _table(value: object) -> object:
    return {} if value is None else value


_Table = Annotated[dict[str, Any], BeforeValidator(_table)]
_Tables = Annotated[list[dict[str, Any]], BeforeValidator(_list)]


class _Asset(BaseModel):
    roles: Annotated[list[str], BeforeValidator(_list)] = []
    bands: _Tables = []
    eo_bands: _Tables = Field([], alias="eo:bands")
    raster_bands: _Tables = Field([], alias="raster:bands")


class _Spatial(BaseModel):
    bbox: Annotated[list[list[float | None]], BeforeValidator(_list)] = []
    """That of a collection without items may be of nulls."""


class _Temporal(BaseModel):
    interval: Annotated[list[list[str | None]], BeforeValidator(_list)] = []


class _Extent(BaseModel):
    spatial: _Spatial | None = None
    temporal: _Temporal | None = None


class _Document(BaseModel):
    bbox: list[float] | None = None
    properties: _Table = {}
    links: _Tables = []
    assets: Annotated[dict[str, _Asset], BeforeValidator(_table)] = {}
    features: _Tables = []
    conforms_to: Annotated[list[str], BeforeValidator(_list)] = Field([], alias="conformsTo")
    extent: _Extent | None = None


def check_form(document: object, place: str) -> None:
    """DataError if the parts of a document that are read are not of the types that STAC states."""
    try:
        _Document.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "document"
        raise DataError(f"{place}: {where}: {first['msg']}; expected a STAC document", value=place) from None
