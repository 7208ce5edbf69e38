import numpy as np
import pytest
from affine import Affine
from rasterio.features import rasterize

from smalti.synth.world.buildings import buildings
from smalti.synth.world.layout import layout_of
from smalti.synth.world.scene import draw
from smalti.tiling import Window

WINDOW = Window(40, 60, 420, 400)


@pytest.mark.parametrize(("climate", "seed"), [("temperate", 2), ("savanna", 8), ("coast", 10)])
def test_polygons_and_class_map_are_the_same_buildings(climate: str, seed: int) -> None:
    layout = layout_of(seed, climate, "satellite")
    assert np.hypot(*layout.setting.sensor.lean) > 0.01
    drawing, found = draw(layout, WINDOW), buildings(layout, WINDOW)
    assert len(found) > 5
    place = Affine.translation(WINDOW.col, WINDOW.row)
    inside = rasterize([shape for shape, _ in found], drawing.classes.shape, transform=place) > 0
    roofs = drawing.classes == 2
    crowns = (drawing.classes == 3) & (drawing.height > 0)
    wrong = (roofs & ~inside) | (inside & ~roofs & ~crowns)
    assert wrong.sum() < 0.06 * roofs.sum()


def test_polygons_are_complete_valid_and_say_how_high_they_are() -> None:
    layout = layout_of(8, "savanna", "satellite")
    found = buildings(layout, Window(0, 0, 300, 300))
    larger = {shape.wkb: known for shape, known in buildings(layout, Window(-100, -100, 500, 500))}
    assert len(found) > 5
    for shape, known in found:
        assert shape.is_valid
        assert larger[shape.wkb] == known
        assert 0.5 < known["height"] < 60 and known["roof"] in ("flat", "gabled", "hipped", "round")
