"""A GeoJSON file (RFC 7946) of polygons."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class GeoJson:
    """Collects polygons with the attributes class, class_id and area_m2, and writes them in one go."""

    def __init__(self, path: Path, layer: str, decimals: int | None) -> None:
        self._path, self._layer, self._decimals = path, layer, decimals
        self._shapes: list[NDArray[Any]] = []
        self._known: list[dict[str, Any]] = []

    def add(self, wkb: NDArray[Any], names: NDArray[Any], ids: NDArray[Any], areas: NDArray[Any]) -> None:
        """Adds polygons as WKB (N), with class, class id and area (N each), NaN if unknown."""
        import shapely

        self._shapes.append(shapely.from_wkb(wkb))
        for name, number, area in zip(names.tolist(), ids.tolist(), areas.tolist(), strict=True):
            known = {"class": name, "class_id": number, "area_m2": None if np.isnan(area) else area}
            self._known.append(known)

    def finish(self) -> None:
        """Writes the file."""
        import shapely

        shapes = _of_one_type(np.concatenate([np.array([], object), *self._shapes]))
        if self._decimals is not None:
            shapes = shapely.transform(shapes, lambda points: points.round(self._decimals))
        begin = f'{{"type": "FeatureCollection", "name": {_text(self._layer)}, "features": [\n'
        with self._path.open("w", encoding="utf-8") as file:
            for geometry, known in zip(shapely.to_geojson(shapes), self._known, strict=True):
                file.write(f'{begin}{{"type": "Feature", "properties": {_text(known)}, "geometry": {geometry}}}')
                begin = ",\n"
            file.write("\n]}\n" if self._known else f"{begin}]}}\n")

    def close(self) -> None:
        """Forgets what is not written."""
        self._shapes, self._known = [], []


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _of_one_type(shapes: NDArray[Any]) -> NDArray[Any]:
    """Polygons; if one has several parts, all become multipolygons."""
    import shapely

    if (shapely.get_type_id(shapes) == shapely.GeometryType.POLYGON).all():
        return shapes
    return np.array([shapely.multipolygons(shapely.get_parts(shape)) for shape in shapes], object)
