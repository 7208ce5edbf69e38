"""Vector files of labels of which no feature lies on any image."""

from collections.abc import Iterable
from pathlib import Path

from smalti.raster.features import FeatureLabels

NAMED_AT_ONCE = 3


def astray(labels: object) -> bool | None:
    """Whether labels on an image's grid have features, but none on the image; None for labels of another kind."""
    return labels.astray if isinstance(labels, FeatureLabels) else None


def astray_lines(found: Iterable[tuple[Path, bool | None]]) -> list[str]:
    """A line of warning about vector files that were opened for several images, or None.

    `found` holds, for each file and image, the result of `astray`.
    """
    everywhere: dict[Path, bool] = {}
    for path, away in found:
        if away is not None:
            everywhere[path] = everywhere.get(path, True) and away
    lost = [path for path, away in everywhere.items() if away]
    if not lost:
        return []
    more = f" and {len(lost) - NAMED_AT_ONCE} more" if len(lost) > NAMED_AT_ONCE else ""
    names = ", ".join(map(str, lost[:NAMED_AT_ONCE])) + more
    return [f"{names}: no feature lies on an image; check the CRS, and that the longitude comes first in GeoJSON"]
