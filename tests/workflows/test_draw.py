"""`draw` of the Python API."""

from pathlib import Path

import pytest
import rasterio

import smalti as sm
from smalti.errors import OptionError


def test_a_scene_with_its_truth(tmp_path: Path) -> None:
    scene = sm.draw(96, seed=7)
    assert scene.image.shape == (3, 96, 96) and scene.classes.shape == scene.height.shape == (96, 96)
    assert sm.draw(96, 7, nir=True).image.shape == (4, 96, 96)
    assert repr(scene).startswith("DrawnScene(seed 7: 96 x 96 pixels of 0.3 m, land, ")
    assert scene._repr_html_().count("<img ") == 2
    written = scene.save(tmp_path / "town.tif")
    assert [path.name for path in written] == ["town.tif", "town_classes.tif", "town_height.tif", "town_buildings.gpkg"]
    with rasterio.open(written[0]) as file:
        assert (file.read() == scene.image).all() and file.transform == scene.grid.transform


def test_sizes_seeds_and_names_that_cannot_be(tmp_path: Path) -> None:
    for size, seed in ((0, 1), (8, -1)):
        with pytest.raises(OptionError):
            sm.draw(size, seed)
    with pytest.raises(OptionError, match=r"must end in \.tif"):
        sm.draw(8).save(tmp_path / "town.png")


def test_a_place_of_the_world_keeps_its_climate_in_its_files(tmp_path: Path) -> None:
    place = sm.draw(96, seed=7, climate="coast", sensor="drone")
    assert place.climate == "coast" and 0.05 < place.grid.transform.a < 0.21
    assert repr(place).startswith("DrawnScene(seed 7: coast, 96 x 96 pixels of 0.")
    with rasterio.open(place.save(tmp_path / "place.tif")[0]) as file:
        assert (file.read() == place.image).all() and file.transform == place.grid.transform
    assert sm.draw(96, seed=7).climate is None
    with pytest.raises(OptionError, match="did you mean desert"):
        sm.draw(8, climate="deserts")
