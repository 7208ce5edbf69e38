import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.features import rasterize

from smalti.synth import draw
from smalti.synth.buildings import buildings
from smalti.tiling import Window

WINDOW = Window(100, 300, 900, 900)


@pytest.mark.parametrize("seed", [1, 7])
def test_polygons_and_class_map_are_the_same_buildings(seed: int) -> None:
    drawing = draw(WINDOW, seed)
    place = Affine.translation(WINDOW.col, WINDOW.row)
    inside = rasterize([shape for shape, _ in buildings(WINDOW, seed)], drawing.classes.shape, transform=place) > 0
    roofs = drawing.classes == 2
    crowns = (drawing.classes == 3) & (drawing.height > 2)
    assert (inside == roofs).mean() > 0.999
    assert (roofs & ~inside).sum() < 20
    assert (inside & ~roofs & ~crowns).sum() < 20


def test_polygons_are_complete_valid_and_say_how_high_they_are() -> None:
    found = buildings(Window(0, 0, 1300, 1300), 2)
    larger = {shape.wkb: known for shape, known in buildings(Window(-300, -300, 1900, 1900), 2)}
    assert len(found) > 10
    for shape, known in found:
        assert shape.is_valid and shape.area > 40
        assert larger[shape.wkb] == known
        assert 2 < known["height"] < 80 and known["roof"] in ("flat", "gabled", "hipped", "round")


def test_height_is_that_of_the_ridge() -> None:
    window = Window(0, 0, 512, 512)
    drawing = draw(window, 1)
    frame = shapely.box(0, 0, 512, 512)
    pitched = [(s, k) for s, k in buildings(window, 1) if k["roof"] in ("gabled", "hipped") and frame.contains(s)]
    assert len(pitched) > 10
    differences = []
    for shape, known in pitched:
        roof = (rasterize([shape], (512, 512)) > 0) & (drawing.classes == 2)
        differences.append(float(drawing.height[roof].max()) - known["height"])
    assert abs(np.median(differences)) < 0.4
