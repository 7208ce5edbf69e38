import json
import os
import subprocess
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from smalti.card import Card, Task
from smalti.deploy.targets.deepness import build, keys
from smalti.errors import ExportError
from smalti.runtime.models import BUNDLED, verify
from smalti.runtime.open import open_model
from smalti.synth.scene import draw
from smalti.tiling import Window
from tests.tiny import tiny_card, tiny_model

OLD = os.environ.get("SMALTI_OLD_ONNXRUNTIME", "")
"""An interpreter with onnxruntime 1.17.0, which Deepness pins, and numpy below 2."""
AS_DEEPNESS = """
import json, sys, numpy, onnxruntime
assert onnxruntime.__version__ == "1.17.0", onnxruntime.__version__
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
keys = {key: json.loads(value) for key, value in session.get_modelmeta().custom_metadata_map.items()
        if not key.startswith("smalti.")}
[layer], [output] = session.get_inputs(), session.get_outputs()
assert layer.shape[1:] == [3, keys["tile_size"], keys["tile_size"]], layer.shape
assert output.shape[2:] == layer.shape[2:], output.shape
assert output.shape[1] == len(keys["class_names"]), output.shape
tiles = numpy.load(sys.argv[2]) / 255  # N,H,W,C, between 0 and 1
tiles = (tiles - keys["standardization_mean"]) / keys["standardization_std"]
answer = session.run(None, {layer.name: tiles.transpose(0, 3, 1, 2).astype(numpy.float32)})[0]
classes = answer.argmax(axis=1)
classes[answer.max(axis=1) < keys["seg_thresh"]] = 0
numpy.save(sys.argv[3], classes.astype(numpy.uint8))
print(json.dumps(keys))
"""

TWO = (Task(name="height", kind="value", unit="m"), Task(name="cover", labels=("land", "water", "wood")))


def converted(folder: Path, card: Card) -> tuple[Path, list[str]]:
    said: list[str] = []
    [out] = build(verify(tiny_model(folder / "tiny.onnx", card)), folder, "own", said.append).files
    return out, said


def test_it_has_the_keys_that_the_plugin_reads_each_as_json(tmp_path: Path) -> None:
    out, said = converted(tmp_path, tiny_card(resolution=(0.25, 1.0)))
    model = onnx.load(out)
    found = {entry.key: entry.value for entry in model.metadata_props if not entry.key.startswith("smalti.")}
    assert {key: json.loads(value) for key, value in found.items()} == {
        "model_type": "Segmentor",
        "class_names": {"0": "most red", "1": "most green", "2": "most blue"},
        "resolution": 50.0,  # centimetres
        "tile_size": 64,
        "tiles_overlap": 25,  # percent
        "standardization_mean": [0, 0, 0],
        "standardization_std": [1 / 255] * 3,
        "seg_thresh": 0.0,
        "seg_small_segment": 0,
    }
    shapes = [
        [dim.dim_value for dim in part.type.tensor_type.shape.dim] for part in (*model.graph.input, *model.graph.output)
    ]
    assert shapes == [[0, 3, 64, 64]] * 2
    assert model.ir_version <= 9 and not said


def test_it_is_sealed_and_predicts_the_same(tmp_path: Path) -> None:
    out, _ = converted(tmp_path, tiny_card())
    tile = np.random.default_rng(0).integers(0, 255, (2, 3, 64, 64), np.uint8)
    expected = open_model(str(tmp_path / "tiny.onnx"))(tile)["landcover"]
    np.testing.assert_array_equal(open_model(str(out))(tile)["landcover"], expected)


def test_what_the_plugin_does_to_pixels_is_undone(tmp_path: Path) -> None:
    out, _ = converted(tmp_path, tiny_card())
    session = onnxruntime.InferenceSession(str(out))
    stored = session.get_modelmeta().custom_metadata_map
    tile = np.random.default_rng(0).integers(0, 255, (1, 3, 64, 64), np.uint8)
    mean, std = (np.array(json.loads(stored[f"standardization_{name}"])).reshape(3, 1, 1) for name in ("mean", "std"))
    given = ((tile / 255 - mean) / std).astype(np.float32)  # as the plugin does it
    [answer] = session.run(None, {"image": given})
    np.testing.assert_allclose(answer, open_model(str(out))(tile)["landcover"], atol=1e-3)


def test_of_several_tasks_that_of_classes_is_written_and_the_others_are_named(tmp_path: Path) -> None:
    out, said = converted(tmp_path, tiny_card(tasks=TWO))
    assert [task.name for task in verify(out).card.tasks] == ["cover"]
    assert said == ["Deepness takes one task: cover is written, without height"]


def test_values_alone_are_a_regressor() -> None:
    card = tiny_card(tasks=TWO[:1])
    found = keys(card, card.tasks[0])
    assert found["model_type"] == "Regressor" and found["reg_output_scaling"] == 1
    assert not {"class_names", "seg_thresh", "resolution"} & found.keys()


def test_other_pixels_than_bytes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="takes uint16; Deepness reads layers of uint8"):
        converted(tmp_path, tiny_card(dtype="uint16"))


@pytest.mark.skipif(not OLD, reason="SMALTI_OLD_ONNXRUNTIME names no interpreter with onnxruntime 1.17.0")
@pytest.mark.parametrize("name", ["landcover", "town"])
def test_the_engine_of_the_plugin_maps_alike(name: str, tmp_path: Path) -> None:
    model = verify(BUNDLED / f"{name}.onnx")
    [out] = build(model, tmp_path, "own", lambda line: None).files
    task, side = model.card.map_tasks()[0], model.card.tile
    tiles = draw(Window(0, 0, side, side), seed=2).image[None]  # N,C,H,W
    np.save(tmp_path / "in.npy", tiles.transpose(0, 2, 3, 1))
    done = subprocess.run(
        [OLD, "-c", AS_DEEPNESS, out, tmp_path / "in.npy", tmp_path / "out.npy"],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert json.loads(done.stdout) == keys(model.card, task)
    expected = open_model(name)(tiles)[task.name].argmax(axis=1)
    assert (np.load(tmp_path / "out.npy") == expected).mean() > 0.999
