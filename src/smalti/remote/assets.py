"""Which files of an item are its scene."""

from collections.abc import Mapping, Sequence
from typing import Any

from smalti.errors import DataError
from smalti.text import some

_NOT_DATA = {"thumbnail", "overview", "metadata", "data-mask", "cloud", "saturation"}
_IMAGES = ("image/tiff", "image/jp2", "image/vnd.stac.geotiff", "application/x-hdf")
_NAMED = 8
"""How many assets an error lists."""


def chosen_assets(item: Mapping[str, Any], asked: Sequence[str] | None) -> dict[str, str]:
    """The files of an item's scene by their names: those asked for, or its only image; DataError.

    A name may also be that of a band, such as `red`, of which an asset is the only file.
    """
    assets: Mapping[str, Any] = item.get("assets") or {}
    if asked is None:
        images = [key for key, asset in assets.items() if _is_image(asset)]
        if len(images) != 1:
            what = f"has {len(images)} images" if images else "has no image"
            raise DataError(f"item {item['id']}: {what} ({_listed(assets)}); choose with --assets")
        return {images[0]: assets[images[0]]["href"]}
    return {name: assets[_key(item, assets, name)]["href"] for name in asked}


def band_count(item: Mapping[str, Any], names: Sequence[str]) -> int | None:
    """The number of bands that an item states of some of its files; None if it does not state it of all."""
    assets: Mapping[str, Any] = item.get("assets") or {}
    counts = [len(_bands(assets[_key(item, assets, name)])) for name in names]
    return sum(counts) if counts and all(counts) else None


def _is_image(asset: Mapping[str, Any]) -> bool:
    roles = set(asset.get("roles") or ())
    return not roles & _NOT_DATA and ("data" in roles or str(asset.get("type", "")).lower().startswith(_IMAGES))


def _key(item: Mapping[str, Any], assets: Mapping[str, Any], name: str) -> str:
    if name in assets:
        return name
    of_band = [key for key, asset in assets.items() if [_common(band) for band in _bands(asset)] == [name]]
    if len(of_band) == 1:
        return of_band[0]
    raise DataError(f"item {item['id']}: it has no asset {name!r}, only {_listed(assets)}")


def _bands(asset: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return asset.get("bands") or asset.get("eo:bands") or asset.get("raster:bands") or ()


def _common(band: Mapping[str, Any]) -> str:
    return str(band.get("eo:common_name") or band.get("common_name") or "")


def _listed(assets: Mapping[str, Any]) -> str:
    return some(list(assets), _NAMED) or "no assets at all"
