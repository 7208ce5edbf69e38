"""Crops by name: their colours through the season, and the rows in which they stand."""

from dataclasses import dataclass

from smalti.synth.materials import LAND, VEGETATION
from smalti.synth.world.surface import LARGE, SMALL, Surface, surface


@dataclass(frozen=True)
class Crop:
    """A crop or the state of a field."""

    surface: Surface
    period: tuple[float, float]
    """Range of the distance of its rows, metres."""
    strength: tuple[float, float]
    """Range of the relative contrast of its rows."""
    tramlines: bool = False
    """Whether wheels leave pairs of lines, every 18 to 36 m."""
    bushes: float = 0.0
    """Height of single plants that stand out of the rows, metres; 0: none."""


def _crop(
    a: tuple[float, float, float],
    b: tuple[float, float, float],
    period: tuple[float, float] = (0.7, 2.5),
    strength: tuple[float, float] = (0.01, 0.06),
    *,
    fine: float = 0.05,
    medium: float = 0.05,
    tramlines: bool = False,
) -> Crop:
    return Crop(surface(VEGETATION, a, b, fine, medium, LARGE), period, strength, tramlines)


def _bare(
    a: tuple[float, float, float],
    b: tuple[float, float, float],
    period: tuple[float, float],
    strength: tuple[float, float],
    *,
    fine: float = 0.06,
    medium: float = 0.07,
    tramlines: bool = False,
) -> Crop:
    return Crop(surface(LAND, a, b, fine, medium, LARGE), period, strength, tramlines)


CROPS: dict[str, Crop] = {
    "green wheat": _crop((74, 102, 56), (92, 116, 66), tramlines=True),
    "dark wheat": _crop((40, 68, 42), (54, 80, 48), tramlines=True, fine=0.035, medium=0.04),
    "pale wheat": _crop((128, 138, 82), (148, 148, 92), tramlines=True),
    "rape": _crop((172, 176, 58), (148, 160, 60), tramlines=True),
    "maize": _crop((52, 80, 40), (68, 98, 48), (0.75, 3), (0.03, 0.12), fine=0.08),
    "dark maize": _crop((34, 56, 34), (46, 70, 40), (0.75, 3), (0.02, 0.1), fine=0.07),
    "soy": _crop((84, 112, 54), (66, 94, 46), (0.75, 4), (0.02, 0.1)),
    "beet": _crop((58, 92, 46), (74, 106, 54), (0.5, 3), (0.03, 0.1), tramlines=True),
    "potatoes": _crop((66, 88, 50), (92, 98, 62), (0.9, 3), (0.06, 0.16)),
    "alfalfa": _crop((56, 90, 46), (72, 104, 54), (3, 9), (0.01, 0.05)),
    "hay": _crop((122, 132, 76), (98, 114, 64), (4, 9), (0.03, 0.1)),
    "rice": _crop((84, 118, 50), (106, 138, 62), (0.6, 2), (0.005, 0.03), fine=0.035, medium=0.04),
    "ripe rice": _crop((150, 146, 74), (128, 132, 66), (0.6, 2), (0.005, 0.04), fine=0.04),
    "young rice": _crop((68, 88, 64), (84, 104, 70), (0.6, 2), (0.01, 0.05), fine=0.04, medium=0.06),
    "dark rice": _crop((44, 70, 46), (58, 86, 52), (0.6, 2), (0.005, 0.03), fine=0.04),
    "sugar cane": _crop((96, 122, 58), (114, 136, 72), (1.5, 4), (0.03, 0.12), fine=0.1, medium=0.1),
    "cotton": _crop((98, 108, 76), (120, 120, 92), (1, 3), (0.06, 0.16)),
    "cassava": _crop((86, 106, 56), (128, 112, 76), (1, 2.5), (0.08, 0.2), fine=0.13, medium=0.12),
    "millet": _crop((118, 120, 72), (146, 130, 88), (0.8, 2), (0.05, 0.15), fine=0.1, medium=0.1),
    "vegetables": _crop((62, 94, 46), (108, 108, 72), (1.2, 2.6), (0.12, 0.35), fine=0.1),
    "red salad": _crop((92, 62, 54), (78, 84, 52), (1.2, 2.4), (0.12, 0.3), fine=0.1),
    "sunflowers": _crop((142, 138, 56), (112, 118, 54), (0.8, 3), (0.04, 0.12), fine=0.1),
    "tea": _crop((54, 84, 42), (70, 100, 50), (1.4, 2), (0.15, 0.3), fine=0.09),
    "vines": _crop((98, 104, 66), (126, 116, 86), (2, 3), (0.25, 0.45), fine=0.08, medium=0.06),
    "clover": _crop((66, 96, 52), (84, 110, 58), (2, 8), (0.005, 0.03)),
    "ripe wheat": _bare((196, 170, 114), (178, 154, 102), (0.6, 2.5), (0.01, 0.05), fine=0.04, tramlines=True),
    "stubble": _bare((190, 170, 126), (168, 150, 112), (3, 9), (0.03, 0.12)),
    "pale stubble": _bare((204, 192, 160), (184, 170, 136), (3, 9), (0.03, 0.1)),
    "ploughed": _bare((120, 98, 76), (98, 82, 66), (0.8, 4), (0.04, 0.14), fine=0.08),
    "dark ploughed": _bare((76, 64, 54), (60, 52, 46), (0.8, 4), (0.04, 0.14), fine=0.07),
    "red ploughed": _bare((160, 102, 72), (136, 88, 64), (0.8, 3), (0.05, 0.15), fine=0.08),
    "grey ploughed": _bare((150, 140, 126), (126, 118, 106), (0.8, 3), (0.04, 0.14), fine=0.07),
    "harrowed": _bare((158, 136, 108), (138, 118, 96), (2, 6), (0.02, 0.06), fine=0.04),
    "fallow": Crop(surface(LAND, (148, 130, 100), (122, 116, 84), 0.1, 0.14, SMALL), (1, 3), (0.0, 0.04)),
    "plastic mulch": _bare((196, 198, 200), (150, 142, 128), (1.4, 2.2), (0.15, 0.35), fine=0.04),
}
