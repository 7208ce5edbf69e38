from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import pytest

from smalti.card import Task
from smalti.products import Product
from smalti.raster.grid import Grid
from smalti.raster.write import write_raster

COVER = Task(name="cover", labels=("land & sand", 'water "deep"'), colors=((10, 20, 30), (40, 50, 255)))


def write(folder: Path, product: Product) -> Path:
    pixels = np.zeros((len(product.bands), 9, 7), product.dtype)
    write_raster(
        folder / "m.v1.tif", Grid(9, 7), product=product, rows=lambda begin, end: pixels[:, begin:end], scratch=folder
    )
    return folder / "m.v1.qml"


def test_the_style_holds_the_classes_and_no_more(tmp_path: Path) -> None:
    style = Xml.parse(write(tmp_path, Product(COVER, "classes"))).getroot()
    entries = [entry.attrib for entry in style.iter("paletteEntry")]
    assert [(entry["value"], entry["color"], entry["label"]) for entry in entries] == [
        ("0", "#0a141e", "land & sand"),
        ("1", "#2832ff", 'water "deep"'),
    ]
    renderer = style.find("pipe/rasterrenderer")
    assert style.tag == "qgis" and renderer is not None
    assert renderer.attrib["type"] == "paletted" and renderer.attrib["band"] == "1"


def test_a_new_map_brings_its_style(tmp_path: Path) -> None:
    style = write(tmp_path, Product(Task(name="old", labels=("a", "b", "c")), "classes"))
    write(tmp_path, Product(COVER, "classes"))
    assert 'label="c"' not in style.read_text() and "land &amp; sand" in style.read_text()
    write(tmp_path, Product(Task(name="height", kind="value"), "values"))
    assert not style.exists()


@pytest.mark.parametrize("form", ["classes", "values"])
def test_the_users_style_is_kept(tmp_path: Path, form: str) -> None:
    style = tmp_path / "m.v1.qml"
    style.write_text("<qgis>mine</qgis>")
    write(tmp_path, Product(COVER if form == "classes" else Task(name="height", kind="value"), form))
    assert style.read_text() == "<qgis>mine</qgis>"


def test_a_photo_of_the_same_stem_is_not_shown_by_it(tmp_path: Path) -> None:
    assert write(tmp_path, Product(COVER, "classes")).exists()
    (tmp_path / "m.v1.gpkg").touch()
    assert write(tmp_path, Product(COVER, "classes")).exists()
    (tmp_path / "m.v1.JPG").touch()
    assert not write(tmp_path, Product(COVER, "classes")).exists()
