import numpy as np
import pytest

from smalti.errors import OptionError
from smalti.synth import draw
from smalti.synth.scenery import TOWN, scenery
from smalti.tiling import Window

SHARES = (0.06976, 0.01665, 0.06636, 0.73864, 0.1086)
"""Of the classes in the first cell of seed 7."""


def test_the_old_style_is_the_default_and_what_it_was() -> None:
    window = Window(30, 40, 200, 210)
    old, new = draw(window, 7), scenery().draw(window, 7)
    assert scenery() == scenery("town") == TOWN and TOWN.pixel(7) == 0.3 and TOWN.climate_of(7) is None
    assert np.array_equal(old.image, new.image) and np.array_equal(old.height, new.height)
    shares = np.bincount(draw(Window(0, 0, 512, 512), 7).classes.ravel(), minlength=5) / 512**2
    assert shares == pytest.approx(SHARES, abs=2e-4)  # drawn in whole numbers: the same on every machine


def test_a_climate_or_a_sensor_means_the_world() -> None:
    assert scenery(climate="desert").style == scenery(sensor="drone").style == "world"
    assert scenery(climate="desert").climate_of(3) == "desert"
    assert scenery("world").climate_of(3) is not None
    assert str(scenery("world", "boreal", "aerial")) == "world, boreal, aerial"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"climate": "dessert"}, "climate 'dessert' is not known; did you mean desert?"),
        ({"style": "wrld"}, "did you mean world?"),
        ({"sensor": "drones"}, "did you mean drone?"),
        ({"style": "town", "climate": "desert"}, "the style town has no climate or sensor"),
    ],
)
def test_names_that_there_are_not(names: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError, match=message.replace("?", r"\?")):
        scenery(**names)
