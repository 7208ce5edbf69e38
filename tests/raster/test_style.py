from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import pytest

from smalti.card import Task
from smalti.products import Form, Product
from smalti.raster.grid import Grid
from smalti.raster.write import write_raster

COVER = Task(name="cover", labels=("land & sand", 'water "deep"'), colors=((10, 20, 30), (40, 50, 255)))


HEIGHT = Task(name="height", kind="value", unit="m")


def write(folder: Path, product: Product, value: float = 0) -> Path:
    pixels = np.zeros((len(product.bands), 9, 7), product.dtype)
    pixels[0, 0, :3] = 0, value, np.nan if product.form == "values" else 0
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


def test_classes_that_need_not_be_shown_are_transparent(tmp_path: Path) -> None:
    style = Xml.parse(write(tmp_path, Product(COVER, "classes", (1,)))).getroot()
    assert [entry.attrib["alpha"] for entry in style.iter("paletteEntry")] == ["255", "0"]


def test_a_new_map_brings_its_style(tmp_path: Path) -> None:
    style = write(tmp_path, Product(Task(name="old", labels=("a", "b", "c")), "classes"))
    write(tmp_path, Product(COVER, "classes"))
    assert 'label="c"' not in style.read_text() and "land &amp; sand" in style.read_text()
    write(tmp_path, Product(COVER, "probabilities"))
    assert not style.exists()


@pytest.mark.parametrize("form", ["confidence", "uncertainty"])
def test_probabilities_of_a_class_are_shown_from_0_to_1(tmp_path: Path, form: Form) -> None:
    shown = ramp(write(tmp_path, Product(COVER, form)))
    assert (shown[0], shown[-1]) == ((0, "0"), (1, "1"))


def test_values_are_shown_around_their_mean_in_their_unit(tmp_path: Path) -> None:
    assert ramp(write(tmp_path, Product(HEIGHT, "values"))) == [(k / 5, f"{k / 5:.3g} m") for k in range(6)]
    shown = ramp(write(tmp_path, Product(HEIGHT, "values"), value=62))
    assert len(shown) == 6 and shown[0] == (0, "0 m")
    assert shown[-1][0] == pytest.approx(1 + 3 * 61**0.5, rel=1e-5)  # of 62 known values one is 62, the others are 0


def ramp(style: Path) -> list[tuple[float, str]]:
    """Values and labels of the ramp of a style, once QGIS's copy of the ramp and its ends are checked."""
    shader = Xml.parse(style).getroot().find("pipe/rasterrenderer/rastershader/colorrampshader")
    assert shader is not None
    found = [(float(item.attrib["value"]), item.attrib["label"]) for item in shader.iter("item")]
    assert (found[0][0], found[-1][0]) == (float(shader.attrib["minimumValue"]), float(shader.attrib["maximumValue"]))
    stops = next(each.attrib["value"] for each in shader.iter("Option") if each.attrib.get("name") == "stops")
    assert len(stops.split(":")) == len(found) - 2
    return found


@pytest.mark.parametrize("form", ["classes", "values"])
def test_the_users_style_is_kept(tmp_path: Path, form: Form) -> None:
    style = tmp_path / "m.v1.qml"
    style.write_text("<qgis>mine</qgis>")
    write(tmp_path, Product(COVER if form == "classes" else HEIGHT, form))
    assert style.read_text() == "<qgis>mine</qgis>"


def test_a_photo_of_the_same_stem_is_not_shown_by_it(tmp_path: Path) -> None:
    assert write(tmp_path, Product(COVER, "classes")).exists()
    (tmp_path / "m.v1.gpkg").touch()
    assert write(tmp_path, Product(COVER, "classes")).exists()
    (tmp_path / "m.v1.JPG").touch()
    assert not write(tmp_path, Product(COVER, "classes")).exists()
