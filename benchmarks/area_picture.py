"""The picture of how the time of a map grows with its area, from measured seconds.

    python benchmarks/area_picture.py docs/benchmarks/area.json docs/benchmarks/images/area.svg

The file says when and where the seconds of each case were measured, as `side_by_side.py` prints them. A dashed line is
time in proportion to the area, as the largest scene of a case took.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from log_chart import Axis, Curve, chart

from smalti.files import write_whole

AREAS = (1, 4, 25, 100, 400, 1600)
SECONDS = (0.01, 0.1, 1, 10, 100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", type=Path, metavar="JSON")
    parser.add_argument("out", type=Path, metavar="SVG")
    options = parser.parse_args()
    measured = json.loads(options.figures.read_text(encoding="utf-8"))
    write_whole(options.out, picture(measured["seconds by megapixels"]).encode())


def picture(seconds: Mapping[str, Mapping[str, float]]) -> str:
    """Seconds over megapixels, by case, as SVG."""
    across = Axis("megapixels of the scene", [(area, f"{area:,}") for area in AREAS])
    up = Axis("seconds", [(each, f"{each:g}") for each in SECONDS])
    curves = []
    for name, case in seconds.items():
        points = sorted((float(area), each) for area, each in case.items())
        area, last = points[-1]
        curves.append(Curve(name, points, [(each, last * each / area) for each in (AREAS[0], area)]))
    return chart(curves, across, up, names="left")


if __name__ == "__main__":
    main()
