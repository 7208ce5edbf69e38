"""Conversions, each run with the engine of its target where that is installed."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from smalti.arrays import Floats, Pixels
from smalti.card import Card
from smalti.deploy import convert
from smalti.deploy.convert import TARGETS, Converted, Target, check_target, convert_model, suspects
from smalti.deploy.targets import deepness, ncnn, tflite
from smalti.deploy.targets.built import Built
from smalti.deploy.targets.tool import Tool
from smalti.errors import ExportError, MissingExtraError, MissingToolError, ModelError, OutputError
from smalti.runtime.integers import in_floats
from smalti.runtime.models import BUNDLED, ModelFile, seal, verify
from smalti.runtime.open import open_model
from smalti.watch import Say, silent
from smalti.workflows.convert import ENDINGS
from tests.needs import need_engine
from tests.tiny import tiny_card, tiny_model, unlike_above

EXACT = ("deepness", "tensorrt")
SIDE = 64


def small(folder: Path, name: str = "landcover") -> ModelFile:
    """A bundled model with small tiles."""
    card = verify(BUNDLED / f"{name}.onnx").card
    path = folder / f"{name}.onnx"
    path.write_bytes((BUNDLED / f"{name}.onnx").read_bytes())
    seal(path, card.model_copy(update={"tile": SIDE, "overlap": 16}))
    return verify(path)


def need_tool(tool: Tool) -> None:
    try:
        tool.find()
    except MissingToolError as error:
        pytest.skip(str(error))


def manifest(out: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(out.with_suffix(".json").read_text())
    return found


@pytest.mark.parametrize("name", ["landcover", "town"])
@pytest.mark.parametrize("target", EXACT)
def test_onnx_files_predict_the_same(target: str, name: str, tmp_path: Path) -> None:
    model, out = small(tmp_path, name), tmp_path / "own.onnx"
    done = convert_model(model, out, target, silent)
    assert min(done.agreement.values()) > 0.9999
    tile = convert.agreement.tiles_of(model.card)[0]
    expected = open_model(str(model.path))(tile)
    for task, found in open_model(str(out))(tile).items():
        np.testing.assert_allclose(found, expected[task], atol=1e-4)


@pytest.mark.parametrize("target", EXACT)
def test_other_formats_do_not_tell_what_is_unlike_the_training(target: str, tmp_path: Path) -> None:
    model = verify(tiny_model(tmp_path / "tiny.onnx", tiny_card(unlike=unlike_above(0.5))))
    convert_model(model, tmp_path / "own.onnx", target, silent)
    assert verify(tmp_path / "own.onnx").card.unlike is None
    tile = np.full((1, 3, SIDE, SIDE), 9, np.uint8)
    assert list(open_model(str(tmp_path / "own.onnx"))(tile)) == ["landcover"]


def test_the_files_are_listed_with_what_goes_in_and_comes_out(tmp_path: Path) -> None:
    model, out = small(tmp_path, "town"), tmp_path / "own.onnx"
    done = convert_model(model, out, "tensorrt", silent)
    assert [path.name for path in done.files] == ["own.onnx", "own_run.py", "own.json"]
    found = manifest(out)
    assert found["target"] == "tensorrt" and found["agreement"] == done.agreement
    assert found["input"]["name"] == "image" and found["input"]["shape"] == [1, 3, SIDE, SIDE]  # type: ignore[index]
    assert [(task, port["shape"]) for task, port in found["outputs"].items()] == [  # type: ignore[attr-defined]
        ("landcover", [1, 5, SIDE, SIDE]), ("height", [1, 1, SIDE, SIDE])
    ]  # fmt: skip
    assert Card.model_validate(found["card"]) == model.card.model_copy(update={"unlike": None})
    assert [name for name, _ in found["providers"]] == [  # type: ignore[attr-defined]
        "TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"
    ]  # fmt: skip


def test_the_script_for_the_device_runs_without_smalti(tmp_path: Path) -> None:
    convert_model(verify(tiny_model(tmp_path / "tiny.onnx")), tmp_path / "own.onnx", "tensorrt", silent)
    command = [sys.executable, "-I", str(tmp_path / "own_run.py"), "--seconds", "0"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.splitlines()
    assert "providers here:" in lines[0] and "CPUExecutionProvider" in lines[0]
    assert lines[-1].startswith("CPUExecutionProvider: ") and lines[-1].endswith("agreement 1.00000")


@pytest.mark.parametrize("name", ["landcover", "town"])
def test_openvino_runs_its_files(name: str, tmp_path: Path) -> None:
    need_engine("openvino")
    model, out = small(tmp_path, name), tmp_path / "own.xml"
    done = convert_model(model, out, "openvino", silent)
    assert [path.name for path in done.files] == ["own.xml", "own.bin", "own.json"]
    assert out.with_suffix(".bin").stat().st_size < 0.6 * len(in_floats(model).content)  # 16 bits
    assert min(done.agreement.values()) > 0.99


def test_eight_bits_with_openvino(tmp_path: Path) -> None:
    need_engine("openvino")
    model, out = small(tmp_path), tmp_path / "own.xml"
    tiles = convert.agreement.tiles_of(model.card)
    try:
        import nncf  # noqa: F401
    except ImportError:
        with pytest.raises(MissingExtraError, match=r"pip install 'smalti\[int8\]'"):
            convert_model(model, out, "openvino", silent, tiles)
        assert not out.exists()
        pytest.skip("nncf is not installed; install it with: pip install 'smalti[int8]'")
    convert_model(model, out, "openvino", silent, tiles)
    assert out.with_suffix(".bin").stat().st_size < 0.35 * len(in_floats(model).content)


@pytest.mark.slow
def test_ncnn_runs_its_files(tmp_path: Path) -> None:
    need_tool(ncnn.TOOL)
    done = convert_model(small(tmp_path, "town"), tmp_path / "own.param", "ncnn", silent)
    assert [path.name for path in done.files] == ["own.param", "own.bin", "own.json"]
    assert min(done.agreement.values()) > 0.998


@pytest.mark.slow
def test_litert_runs_its_files(tmp_path: Path) -> None:
    need_tool(tflite.TOOL)
    done = convert_model(small(tmp_path, "town"), tmp_path / "own.tflite", "tflite", silent)
    assert [path.name for path in done.files] == ["own.tflite", "own.json"]
    assert manifest(tmp_path / "own.tflite")["input"]["shape"] == [1, SIDE, SIDE, 3]  # type: ignore[index]
    assert min(done.agreement.values()) > 0.998


@pytest.mark.parametrize(("target", "program"), [("ncnn", "pnnx"), ("tflite", "onnx2tf")])
def test_without_the_converter_its_line_is_told(
    target: str, program: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    model = verify(tiny_model(tmp_path / "tiny.onnx"))
    with pytest.raises(MissingToolError, match=f"{program} is not installed; install it with: pip install {program} "):
        convert_model(model, tmp_path / "own", target, silent)


def lying(model: ModelFile, folder: Path, stem: str, say: Say) -> Built:
    """A target whose engine predicts something else."""
    built = deepness.build(model, folder, stem, say)

    def run(tiles: Sequence[Pixels]) -> list[dict[str, Floats]]:
        return [{name: values[:, ::-1] for name, values in each.items()} for each in built.run(tiles)]

    return replace(built, run=run)


def test_nothing_is_written_if_the_result_differs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(TARGETS, "deepness", Target(lying))
    model = verify(tiny_model(tmp_path / "tiny.onnx"))
    with pytest.raises(ExportError, match=r"for deepness, task landcover agrees with the model in 0\.\d+ of"):
        convert_model(model, tmp_path / "own.onnx", "deepness", silent)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.onnx"]


def test_operators_that_may_be_the_cause_are_named() -> None:
    assert [suspects(in_floats(verify(BUNDLED / f"{name}.onnx"))) for name in ("landcover", "town")] == [[], []]
    with pytest.raises(ExportError, match=r"its operators Gather, GridSample may mean something else there; try"):
        convert.agreement.check_agreement({"landcover": 0.9}, 0.998, "ncnn", ["Gather", "GridSample"])


def test_a_ranker_of_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="ranks photos"):
        convert_model(verify(BUNDLED / "bestshot.onnx"), tmp_path / "own.onnx", "deepness", silent)


def again(folder: Path) -> Converted:
    check_target(folder / "own.onnx", "tensorrt")
    return convert_model(verify(folder / "tiny.onnx"), folder / "own.onnx", "tensorrt", silent)


def test_its_own_files_are_replaced_and_no_others(tmp_path: Path) -> None:
    tiny_model(tmp_path / "tiny.onnx")
    again(tmp_path)
    tiny_model(tmp_path / "tiny.onnx", tiny_card(name="other"))
    again(tmp_path)
    assert manifest(tmp_path / "own.onnx")["model"]["name"] == "other"  # type: ignore[index]
    (tmp_path / "own_run.py").write_text("changed by somebody")
    with pytest.raises(OutputError, match=r"own_run\.py: exists and was not written by smalti export"):
        again(tmp_path)
    (tmp_path / "own_run.py").unlink()
    again(tmp_path)
    (tmp_path / "own.json").write_text('{"notes": 1}')
    with pytest.raises(OutputError, match=r"own.*: exists and was not"):
        again(tmp_path)
    assert (tmp_path / "own.json").read_text() == '{"notes": 1}'


def test_every_target_has_an_ending_and_a_choice_of_the_command() -> None:
    from smalti.cli.export import TARGETS as CHOICES

    assert set(TARGETS) == set(ENDINGS) == set(CHOICES) - {"onnx"}
