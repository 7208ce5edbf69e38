import numpy as np
import pytest
from affine import Affine
from rasterio.features import rasterize

from smalti.synth.world.buildings import buildings
from smalti.synth.world.layout import Layout, layout_of
from smalti.synth.world.scene import draw
from smalti.tiling import Window

pytestmark = pytest.mark.slow  # each draws scenes


def settled(layout: Layout) -> Window:
    """A window in the middle of a block with houses."""
    blocks = (layout.block(i, j) for i in range(40) for j in range(40))
    block = next(b for b in blocks if b.kind in ("suburb", "village", "town", "informal") and layout.dry(b))
    x, y = layout.warp.world(block.corners.mean(0)[None])[0] - layout.origin
    pixel = layout.setting.sensor.pixel
    return Window(int(y / pixel) - 150, int(x / pixel) - 150, 300, 300)


@pytest.mark.parametrize(("climate", "seed"), [("temperate", 2), ("savanna", 8), ("coast", 10)])
def test_polygons_and_class_map_are_the_same_buildings(climate: str, seed: int) -> None:
    layout = layout_of(seed, climate, "satellite")
    assert np.hypot(*layout.setting.sensor.lean) > 0.01
    window = settled(layout)
    drawing, found = draw(layout, window), buildings(layout, window)
    assert len(found) > 5
    place = Affine.translation(window.col, window.row)
    grown, shrunk = (
        rasterize([(shape.buffer(by), 1) for shape, _ in found], drawing.classes.shape, transform=place) > 0
        for by in (1.2, -1.2)  # an outline is exact, what leans moves by whole pixels
    )
    roofs = drawing.classes == 2
    crowns = (drawing.classes == 3) & (drawing.height > 0)
    assert (roofs & ~grown).sum() < 0.01 * roofs.sum()
    assert (shrunk & ~roofs & ~crowns).sum() < 0.02 * roofs.sum()


def test_polygons_are_complete_valid_and_say_how_high_they_are() -> None:
    layout = layout_of(8, "savanna", "satellite")
    window = settled(layout)
    around = Window(window.row - 100, window.col - 100, window.height + 200, window.width + 200)
    found = buildings(layout, window)
    larger = {shape.wkb: known for shape, known in buildings(layout, around)}
    assert len(found) > 5
    for shape, known in found:
        assert shape.is_valid
        assert larger[shape.wkb] == known
        assert 0.5 < known["height"] < 60 and known["roof"] in ("flat", "gabled", "hipped", "round")
