"""The dialog, a batch and the panel in QGIS's window, on a screen of memory; PICTURE names a file for its picture."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from PIL import Image

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def window(qgis: Any) -> dict[str, Any]:
    """What `window.py` found."""
    given = ("--noversioncheck", "--nologo", "--code", HERE / "window.py")
    done = qgis.run("qgis.bin", *given, window=True, SMALTI_TEST=str(qgis.folder))
    assert done.returncode == 0, done.stderr
    found = json.loads((qgis.folder / "found.json").read_text(encoding="utf-8"))
    assert "error" not in found, found["error"]
    return found


def test_the_panel_follows_the_layer(window: dict[str, Any]) -> None:
    found = window["dock"]
    assert found["nothing"] == ["No raster layer is chosen.", "Choose a scene among the layers."]
    assert found["scene"] == ["Santa Monica", "", True, True]
    name, why, *buttons = found["server"]
    assert name == "Tiles" and "not from a file" in why and buttons == [False, False]


def test_the_dialog_maps_and_loads_all_maps_of_a_model_in_their_style(window: dict[str, Any]) -> None:
    found = window["dialog"]
    assert found["ok"] and found["model"] == "landcover"
    assert found["layers"] == {"Santa Monica": "multibandcolor", "Map": "paletted", "height": "singlebandpseudocolor"}


def test_a_row_of_a_batch_that_fails_does_not_stop_the_others(window: dict[str, Any]) -> None:
    found = window["batch"]
    assert found["exists"] and found["foreign"]
    assert found["log"].count("exists and is not a map of this program; remove it") == 1
    assert "1 executions failed" in found["log"]


def test_the_app_is_opened_on_the_scene(window: dict[str, Any], qgis: Any) -> None:
    *notes, address = window["app"]
    assert notes == ["The app is starting ...", "The app is open.", "The app was closed."]
    host, _, scene = address.partition("#")
    assert host.startswith("--app=http://127.0.0.1:") and "/?token=" in host
    assert unquote(scene).strip() == f"path={qgis.folder / 'santa_monica.jpg'}"


def test_the_map_is_seen_in_its_colors(window: dict[str, Any], qgis: Any) -> None:
    assert window["picture"]
    picture, seen = (Image.open(qgis.folder / name).convert("RGB") for name in ("window.png", "colors.png"))
    colors = {color for _, color in seen.getcolors(1 << 24)}
    assert picture.size == (1280, 800) and {tuple(color) for color in window["colors"]} <= colors
    if "PICTURE" in os.environ:
        picture.save(os.environ["PICTURE"], quality=88, optimize=True)
