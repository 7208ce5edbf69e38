"""Kinds of trees: shape, size and colours of their crowns."""

from dataclasses import dataclass

ROUND, LUMPY, CONE, PALM, FLAT, BARE = range(6)
SHAPES = ("round", "lumpy", "cone", "palm", "flat", "bare")


@dataclass(frozen=True)
class Species:
    """A kind of tree; a crown's colour lies between `dark` and `light`."""

    shape: int
    dark: tuple[float, float, float]
    light: tuple[float, float, float]
    radius: tuple[float, float]
    """Usual range of the crown's radius, metres."""
    slender: float
    """Height per radius."""
    nir: float = 2.6
    """Near infrared relative to the mean of the colour."""


SPECIES: dict[str, Species] = {
    "broadleaf": Species(ROUND, (42, 62, 36), (78, 102, 56), (1.8, 5.2), 3.0),
    "dull broadleaf": Species(ROUND, (44, 58, 44), (72, 88, 62), (1.6, 4.6), 2.9),
    "young leaves": Species(ROUND, (84, 106, 52), (112, 130, 70), (1.6, 4.4), 3.0),
    "rainforest": Species(LUMPY, (22, 40, 24), (62, 86, 42), (2.2, 7.5), 3.6),
    "dark rainforest": Species(LUMPY, (16, 30, 20), (36, 54, 32), (2.0, 7.0), 3.6),
    "pale rainforest": Species(LUMPY, (66, 88, 48), (98, 116, 68), (2.0, 6.0), 3.6),
    "mango": Species(LUMPY, (34, 54, 28), (60, 82, 40), (2.5, 6.0), 1.9),
    "spruce": Species(CONE, (20, 34, 28), (42, 60, 42), (1.1, 2.6), 7.5),
    "pine": Species(LUMPY, (38, 54, 40), (64, 80, 54), (1.3, 3.0), 5.5),
    "larch": Species(CONE, (74, 88, 48), (104, 112, 62), (1.1, 2.4), 7.0),
    "birch": Species(ROUND, (74, 96, 52), (100, 118, 66), (1.2, 3.0), 4.8),
    "autumn gold": Species(ROUND, (132, 106, 48), (170, 136, 62), (1.8, 4.6), 3.2, 1.7),
    "autumn red": Species(ROUND, (118, 74, 46), (152, 96, 60), (1.8, 4.6), 3.2, 1.7),
    "autumn brown": Species(ROUND, (104, 88, 58), (128, 106, 70), (1.8, 4.6), 3.2, 1.6),
    "bare tree": Species(BARE, (88, 80, 74), (122, 112, 104), (1.8, 5.0), 3.0, 1.2),
    "olive": Species(ROUND, (78, 88, 66), (108, 114, 90), (1.5, 3.0), 1.6, 2.0),
    "cypress": Species(CONE, (30, 46, 30), (48, 64, 40), (0.8, 1.4), 8.0),
    "stone pine": Species(FLAT, (44, 64, 38), (70, 88, 50), (2.5, 5.0), 2.8),
    "oak": Species(LUMPY, (54, 64, 42), (82, 90, 58), (2.0, 5.0), 1.9),
    "citrus": Species(ROUND, (38, 62, 32), (58, 84, 42), (1.3, 2.3), 1.5),
    "palm": Species(PALM, (56, 78, 42), (92, 112, 58), (1.8, 3.4), 4.0),
    "date palm": Species(PALM, (62, 74, 52), (96, 104, 74), (1.8, 3.0), 4.0),
    "oil palm": Species(PALM, (40, 66, 30), (72, 98, 46), (3.2, 4.6), 2.6),
    "banana": Species(PALM, (92, 122, 50), (124, 148, 70), (1.0, 1.9), 2.6),
    "acacia": Species(FLAT, (74, 84, 50), (108, 112, 70), (1.6, 5.5), 1.6, 2.2),
    "grey acacia": Species(FLAT, (86, 90, 70), (112, 112, 90), (1.4, 4.0), 1.6, 2.0),
    "eucalyptus": Species(LUMPY, (62, 78, 58), (92, 104, 78), (1.6, 4.0), 4.5),
    "bamboo": Species(LUMPY, (86, 108, 52), (112, 130, 66), (1.5, 3.0), 3.0),
    "mangrove": Species(LUMPY, (30, 50, 28), (54, 76, 38), (1.2, 3.0), 2.2),
    "shrub": Species(ROUND, (70, 78, 50), (106, 108, 74), (0.6, 1.5), 1.3, 2.0),
    "dark shrub": Species(ROUND, (44, 56, 36), (68, 78, 48), (0.6, 1.6), 1.3),
    "grey shrub": Species(ROUND, (104, 104, 88), (132, 128, 110), (0.5, 1.2), 1.2, 1.6),
}
