"""Ground materials: class, two colours for green and two for arid country, texture, near infrared.

Colours are reflectances in 0 to 255 before the camera. A place mixes its two colours by smooth noise.
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from smalti.arrays import Floats

LAND, WATER, BUILDING, VEGETATION, ROAD = range(5)
CLASSES = ("land", "water", "building", "vegetation", "road")
KEEP = 255
"""Marks objects that keep the class of the ground below them."""


class Material(IntEnum):
    """Index of a ground material in the tables below."""

    BARE = 0
    SAND = 1
    GRASS = 2
    LAWN = 3
    MEADOW = 4
    FOREST_FLOOR = 5
    CROP = 6
    CROP_PALE = 7
    PLOUGHED = 8
    STUBBLE = 9
    WATER = 10
    POOL = 11
    BANK = 12
    REED = 13
    ASPHALT = 14
    ASPHALT_OLD = 15
    ASPHALT_DARK = 16
    CONCRETE = 17
    PAVEMENT = 18
    GRAVEL = 19
    TRACK = 20
    COURT = 21
    PAINT = 22
    WALL = 23
    HEDGE = 24
    PIT = 25
    RUBBLE = 26
    SHALLOW = 27
    ISLAND = 28
    PATH = 29


# class       green A          green B          arid A           arid B           fine medium nir
_TABLE = {
    Material.BARE: (LAND, (150, 132, 108), (122, 110, 92), (205, 190, 165), (176, 162, 142), 0.05, 0.065, 150),
    Material.SAND: (LAND, (176, 160, 132), (154, 140, 116), (224, 212, 190), (198, 184, 160), 0.04, 0.06, 175),
    Material.GRASS: (VEGETATION, (92, 112, 58), (118, 122, 74), (104, 112, 72), (142, 134, 98), 0.08, 0.12, 180),
    Material.LAWN: (VEGETATION, (84, 118, 56), (98, 124, 68), (78, 108, 58), (98, 116, 70), 0.05, 0.06, 200),
    Material.MEADOW: (VEGETATION, (106, 122, 64), (134, 130, 84), (120, 122, 82), (148, 138, 102), 0.09, 0.14, 175),
    Material.FOREST_FLOOR: (VEGETATION, (52, 68, 38), (70, 78, 48), (78, 82, 54), (102, 98, 70), 0.10, 0.2, 150),
    Material.CROP: (VEGETATION, (78, 108, 48), (96, 118, 58), (72, 102, 50), (92, 112, 60), 0.05, 0.06, 205),
    Material.CROP_PALE: (VEGETATION, (128, 138, 72), (146, 146, 84), (118, 126, 74), (136, 138, 88), 0.05, 0.06, 185),
    Material.PLOUGHED: (LAND, (120, 96, 74), (102, 84, 66), (160, 138, 112), (138, 120, 98), 0.06, 0.08, 120),
    Material.STUBBLE: (LAND, (178, 158, 112), (160, 144, 104), (196, 176, 136), (178, 160, 124), 0.05, 0.07, 150),
    Material.WATER: (WATER, (44, 62, 66), (34, 50, 56), (26, 40, 42), (36, 62, 66), 0.045, 0.08, 14),
    Material.POOL: (WATER, (92, 170, 190), (110, 184, 198), (84, 166, 188), (104, 180, 196), 0.03, 0.03, 30),
    Material.BANK: (LAND, (142, 128, 104), (124, 116, 94), (198, 184, 158), (180, 168, 146), 0.08, 0.12, 130),
    Material.REED: (VEGETATION, (86, 98, 52), (104, 108, 64), (88, 98, 56), (110, 112, 72), 0.13, 0.16, 165),
    Material.ASPHALT: (ROAD, (104, 104, 106), (112, 112, 112), (112, 108, 104), (122, 118, 112), 0.03, 0.03, 95),
    Material.ASPHALT_OLD: (ROAD, (134, 132, 128), (122, 122, 120), (142, 136, 126), (132, 126, 118), 0.04, 0.05, 118),
    Material.ASPHALT_DARK: (ROAD, (78, 80, 84), (88, 88, 92), (84, 82, 82), (94, 92, 90), 0.03, 0.03, 76),
    Material.CONCRETE: (LAND, (172, 168, 160), (158, 156, 150), (192, 184, 170), (176, 168, 158), 0.03, 0.05, 165),
    Material.PAVEMENT: (LAND, (156, 150, 144), (148, 144, 138), (178, 168, 154), (166, 156, 144), 0.04, 0.04, 145),
    Material.GRAVEL: (LAND, (158, 150, 138), (144, 138, 128), (186, 174, 156), (172, 160, 144), 0.08, 0.07, 140),
    Material.TRACK: (ROAD, (164, 148, 122), (150, 136, 114), (196, 182, 158), (182, 168, 146), 0.05, 0.07, 145),
    Material.COURT: (ROAD, (126, 124, 122), (116, 116, 116), (136, 130, 122), (126, 120, 114), 0.04, 0.05, 110),
    Material.PAINT: (ROAD, (206, 206, 202), (190, 190, 186), (210, 206, 198), (194, 190, 184), 0.06, 0.08, 195),
    Material.WALL: (LAND, (186, 180, 168), (170, 164, 154), (222, 212, 194), (208, 198, 180), 0.03, 0.04, 180),
    Material.HEDGE: (VEGETATION, (56, 76, 38), (68, 86, 46), (62, 78, 44), (76, 90, 54), 0.14, 0.15, 175),
    Material.PIT: (LAND, (130, 112, 90), (112, 98, 82), (182, 166, 140), (164, 148, 126), 0.08, 0.14, 125),
    Material.RUBBLE: (LAND, (160, 152, 142), (132, 124, 114), (208, 196, 178), (174, 162, 146), 0.13, 0.16, 145),
    Material.SHALLOW: (WATER, (70, 88, 84), (58, 78, 76), (58, 86, 84), (72, 102, 98), 0.03, 0.06, 26),
    Material.ISLAND: (VEGETATION, (90, 116, 58), (108, 122, 70), (88, 110, 62), (110, 118, 76), 0.07, 0.08, 190),
    Material.PATH: (LAND, (176, 164, 142), (162, 152, 134), (204, 190, 166), (190, 176, 154), 0.04, 0.05, 150),
}

COUNT = len(_TABLE)


def classes() -> npt.NDArray[np.uint8]:
    """Class of each material, (materials,) uint8."""
    return np.array([_TABLE[m][0] for m in Material], np.uint8)


def colours(aridity: float) -> tuple[Floats, Floats]:
    """Colours A and B of each material for a country, each (materials, 4): red, green, blue, near infrared."""
    rows = [_TABLE[m] for m in Material]
    nir = np.array([r[7] for r in rows], np.float32)[:, None]
    pair = []
    for green, arid in ((1, 3), (2, 4)):
        wet = np.array([r[green] for r in rows], np.float32)
        dry = np.array([r[arid] for r in rows], np.float32)
        pair.append(np.hstack([wet + (dry - wet) * np.float32(aridity), nir]))
    return pair[0], pair[1]


def texture() -> Floats:
    """Strength of fine and of medium texture of each material, (materials, 2)."""
    return np.array([_TABLE[m][5:7] for m in Material], np.float32)
