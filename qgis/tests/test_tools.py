"""The tools, called by `qgis_process` and from Python, in a real QGIS without a window."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import rasterio

HERE = Path(__file__).resolve().parent
CLASSES = ["land", "water", "building", "vegetation", "road"]


def results(done: Any) -> dict[str, Any]:
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout[done.stdout.index("{") :])["results"]


@pytest.fixture(scope="module")
def inside(qgis: Any) -> dict[str, Any]:
    """What `headless.py` found."""
    done = qgis.script(HERE / "headless.py", str(qgis.folder))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_scene_becomes_a_map(qgis: Any) -> None:
    found = results(qgis.tool("smalti:map", INPUT=qgis.folder / "scene.tif", OUTPUT=qgis.folder / "plain.tif"))
    assert found == {"OUTPUT": str(qgis.folder / "plain.tif")}
    with rasterio.open(found["OUTPUT"]) as file:
        assert file.shape == (512, 512) and set(file.read(1).ravel()) <= set(range(5))


def test_a_scene_becomes_polygons_of_a_map_that_is_finished_already(qgis: Any) -> None:
    given = {"INPUT": qgis.folder / "scene.tif", "MAP": qgis.folder / "plain.tif", "MIN_AREA": 20}
    done = qgis.tool("smalti:polygons", OUTPUT=qgis.folder / "areas.gpkg", **given)
    assert results(done)["OUTPUT"] == str(qgis.folder / "areas.gpkg") and Path(qgis.folder / "areas.gpkg").exists()
    assert "plain.tif is already finished" in done.stdout


def test_a_model_is_scored(qgis: Any) -> None:
    (data := qgis.folder / "data").mkdir()
    for name in ("scene.tif", "scene_classes.tif"):
        (data / name).write_bytes((qgis.folder / name).read_bytes())
    page, scores = qgis.folder / "e.html", qgis.folder / "e.json"
    found = results(qgis.tool("smalti:evaluate", MODEL="town", DATA=data, OUTPUT=page, SCORES=scores))
    assert (
        0.5 < found["SCORE"] < 1 and page.read_text(encoding="utf-8").startswith("<!doctype html>") and scores.exists()
    )


def test_a_model_of_the_model_builder_goes_on_with_the_map(qgis: Any, inside: dict[str, Any]) -> None:
    assert inside["model"] == {"written": True}
    out = {"map__map": "b.tif", "areas__table": "areas.csv", "confidence__page": "confidence.html"}
    given = {name: qgis.folder / path for name, path in out.items()}
    results(qgis.tool(qgis.folder / "areas.model3", scene=qgis.folder / "scene.tif", **given))
    with (qgis.folder / "areas.csv").open(encoding="utf-8", newline="") as file:
        assert sum(float(row["count"]) for row in csv.DictReader(file)) == 512**2
    assert "Maximum value: 1" in (qgis.folder / "confidence.html").read_text(encoding="utf-8")


def test_results_are_loaded_in_their_style(inside: dict[str, Any]) -> None:
    found = inside["loaded"]
    assert found["ok"] and len(found["results"]) == 7
    ramp = "singlebandpseudocolor"
    shown = {name: (layer["renderer"], layer["legend"]) for name, layer in found["layers"].items()}
    assert shown.pop("Karte Ü_height.tif")[0] == ramp
    assert shown == {
        "Karte Ü.tif": ("paletted", CLASSES),
        "Flächen.gpkg": ("categorizedSymbol", CLASSES),
        "Karte Ü_confidence.tif": (ramp, ["0", "0.5", "1"]),
        "Karte Ü_uncertainty.tif": (ramp, ["0", "0.5", "1"]),
        "Karte Ü_probabilities.tif": ("multibandcolor", []),
    }
    heights = found["layers"]["Karte Ü_height.tif"]["legend"]
    assert len(heights) == 6 and all(label.endswith(" m") for label in heights)


def test_what_was_canceled_resumes(inside: dict[str, Any]) -> None:
    found = inside["canceled_and_run_again"]
    assert found["error"].startswith("canceled; what is finished is kept")
    assert found["kept"] and not found["there"] and found["shares"][0] > 0
    assert found["again"] == "" and found["exists"] and "large-map.tif: resuming at row " in found["lines"][0]


def test_layers_that_are_no_files_are_refused_in_one_line(inside: dict[str, Any]) -> None:
    found = inside["layers_that_are_no_files"]
    assert "comes from wms, not from a file; save it as a GeoTIFF" in found["server"]
    assert "is only in QGIS's memory" in found["memory"] and "is computed and not stored" in found["computed"]
    assert "there is no file" in found["gone"] and not any("\n" in line for line in found.values())


def test_the_line_of_the_program_is_the_error_of_the_tool(inside: dict[str, Any]) -> None:
    found = inside["failures"]
    assert found["model"].startswith("no model is named 'moon'")
    assert "cannot be written" in found["folder"] and "cannot be written" in found["place"]
    assert "exists and is not a map of this program" in found["foreign"]
    assert "there is no band '7'" in found["bands"] and not any("\n" in line for line in found.values())


def test_a_program_that_is_missing_or_too_old_is_said_in_one_line(inside: dict[str, Any]) -> None:
    found = inside["no_program"]
    assert "there is no program" in found["removed"] and "is Smalti 0.0.9; this plugin needs" in found["old"]
    assert "is not Smalti: it answers 'hello'" in found["other"] and not any("\n" in line for line in found.values())
