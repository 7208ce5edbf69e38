"""Simplifies the polygons of a strip together, so that neighbours keep their common border.

By Visvalingam and Whyatt (1993). Borders to no data, and the strip's own border, stay unchanged: the polygons cover
what the pixels cover. A polygon that would fall below the smallest area keeps all its vertices.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.polygons.rules import Rules
from smalti.polygons.trace import Pieces


def simplified(pieces: Pieces, row: int, rules: Rules) -> NDArray[Any]:
    """The polygons of the pieces in pixels of the scene; `row` is the strip's first."""
    whole = _moved(pieces.polygons, row)
    if not rules.tolerance:
        return whole
    free = pieces.classes < rules.labels
    while True:
        found = whole.copy()
        found[free] = _simplified(whole[free], rules.tolerance)
        if not rules.least_m2:
            return found
        small = np.flatnonzero(free)[rules.measure(found[free]) < rules.least_m2]
        lost = small[rules.measure(found[small]) < np.minimum(rules.measure(whole[small]), rules.least_m2)]
        if not len(lost):
            return found
        free[lost] = False  # then its border is the coverage's, which is kept


def _simplified(polygons: NDArray[Any], tolerance: float) -> NDArray[Any]:
    import shapely

    found: NDArray[Any] = shapely.coverage_simplify(polygons, tolerance, simplify_boundary=False)
    return found


def _moved(polygons: NDArray[Any], row: int) -> NDArray[Any]:
    import shapely

    if not row:
        return polygons
    moved: NDArray[Any] = shapely.transform(polygons, lambda points: points + np.array((0, row)))
    return moved
