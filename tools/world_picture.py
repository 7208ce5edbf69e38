#!/usr/bin/env python3
"""Makes the contact sheet of the climates: `python tools/world_picture.py` writes docs/images/world.jpg."""

from pathlib import Path

from PIL import Image

import smalti as sm

PAGE = Path(__file__).resolve().parent.parent / "docs" / "images" / "world.jpg"
PLACES = (
    ("desert", "aerial", 51), ("mediterranean", "satellite", 86), ("temperate", "aerial", 51), ("winter", "aerial", 1),
    ("boreal", "aerial", 51), ("tropical", "satellite", 34), ("monsoon", "satellite", 61), ("savanna", "aerial", 32),
    ("prairie", "satellite", 62), ("coast", "aerial", 51), (None, None, 52), (None, None, 3),
)  # fmt: skip
"""Climate, sensor and seed of each picture."""
SIZE, SHOWN, COLUMNS, GAP = 1024, 250, 4, 6


def main() -> None:
    """Draws the scenes, one beside the other."""
    rows = -(-len(PLACES) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (SHOWN + GAP) - GAP, rows * (SHOWN + GAP) - GAP), "white")
    for number, (climate, sensor, seed) in enumerate(PLACES):
        scene = sm.draw(SIZE, seed, style="world", climate=climate, sensor=sensor)
        picture = Image.fromarray(scene.image.transpose(1, 2, 0)).resize((SHOWN, SHOWN), Image.Resampling.LANCZOS)
        sheet.paste(picture, (number % COLUMNS * (SHOWN + GAP), number // COLUMNS * (SHOWN + GAP)))
    sheet.save(PAGE, quality=80, optimize=True)


if __name__ == "__main__":
    main()
