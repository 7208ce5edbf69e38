import json

import pyogrio
import pytest
import rasterio
from PIL import Image

from smalti.card import Task
from smalti.cli.demo import show
from smalti.errors import ModelError, OutputError
from smalti.synth import CLASSES
from smalti.workflows.demo import FILES, demo
from tests.tiny import tiny_card, tiny_model


def test_demo_walks_the_whole_way_and_can_be_run_twice(tmp_path, capsys):
    task = Task(name="landcover", labels=CLASSES, colors=tuple((40 * k, 90, 200) for k in range(5)))
    model = tiny_model(tmp_path / "m.onnx", tiny_card(tasks=(task,)))
    for seed in (1, 2):
        show(tmp_path / "demo", 128, seed, str(model))
    told = capsys.readouterr().out
    assert sorted(FILES) == sorted(p.name for p in (tmp_path / "demo").iterdir() if p.suffix not in (".xml", ".qml"))
    assert all(str(tmp_path / "demo" / name) in told for name in FILES) and "overall accuracy" in told
    scores = json.loads((tmp_path / "demo" / "scores.json").read_text())
    assert scores["classes"].keys() == set(CLASSES) and "seed 2" in scores["protocol"]["data"]
    with rasterio.open(tmp_path / "demo" / "scene_map.tif") as mapped:
        assert mapped.shape == (128, 128) and mapped.crs.is_projected
    with Image.open(tmp_path / "demo" / "santa_monica_map.tif") as mapped:
        assert mapped.size == (256, 256)
    assert pyogrio.read_info(tmp_path / "demo" / "scene_map.gpkg")["features"] > 0


@pytest.mark.parametrize("name", ["preview.png", "report.html", "scores.json", "santa_monica.jpg", "santa_monica.png"])
def test_a_file_of_the_user_is_not_replaced(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError, match=f"{name}: exists"):
        demo(tmp_path, size=64, seed=1)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(name, "mine")]


def test_demo_with_a_bad_model_draws_nothing(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"m\.onnx"):
        show(tmp_path / "demo", 64, 1, str(tmp_path / "m.onnx"))
    assert not (tmp_path / "demo").exists()
