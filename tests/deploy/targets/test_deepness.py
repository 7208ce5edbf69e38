import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from smalti.card import Card, Task
from smalti.deploy.targets.deepness import build, keys
from smalti.errors import ExportError
from smalti.runtime.models import verify
from smalti.runtime.open import open_model
from tests.tiny import tiny_card, tiny_model

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
