import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from smalti.cli import group
from smalti.deploy import release
from smalti.deploy.parity import Parity
from smalti.errors import MissingExtraError, ModelError
from tests.tiny import tiny_model


def test_the_name_must_say_what_the_file_is(tmp_path: Path) -> None:
    result = CliRunner().invoke(group, ["export", str(tmp_path), str(tmp_path / "out.pt")])
    assert result.exit_code == 2 and ".onnx" in result.output


def test_settings_are_those_of_a_recipe(tmp_path: Path) -> None:
    given = ["export", str(tmp_path), str(tmp_path / "out.onnx"), "--set", "a=1"]
    result = CliRunner().invoke(group, given)
    assert result.exit_code == 2 and "settings of a recipe are given without one" in result.output
    result = CliRunner().invoke(group, [*given, "--for", "deepness"])
    assert result.exit_code == 2 and "--set is for --for onnx" in result.output


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.startswith("smalti.deploy.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtraError, match=r"smalti\[train\]"):
        CliRunner().invoke(group, ["export", str(tmp_path), str(tmp_path / "out.onnx")], catch_exceptions=False)


def test_another_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_text("of another program")
    found = CliRunner().invoke(group, ["export", str(tmp_path), str(tmp_path / "m.onnx")])
    assert "m.onnx: exists and is not an intact model of smalti" in str(found.exception)
    assert (tmp_path / "m.onnx").read_text() == "of another program"


def test_a_folder_without_a_checkpoint_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        CliRunner().invoke(group, ["export", str(tmp_path), str(tmp_path / "out.onnx")], catch_exceptions=False)
    assert not list(tmp_path.iterdir())


def test_it_tells_the_size_and_how_well_both_agree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def export(checkpoint: Path, out: Path, scores: Path | None, say: Callable[[str], None], **_: None) -> Parity:
        say("capturing")
        tiny_model(out)
        return Parity(2e-6, ((1, 256, 320),), rounding)

    rounding = 0.0
    monkeypatch.setattr(release, "export_checkpoint", export)
    out = tmp_path / "out.onnx"
    told = CliRunner().invoke(group, ["export", str(tmp_path), str(out)], catch_exceptions=False)
    assert f"{out}: 0.0 MB" in told.stdout and "2.0e-06 at most" in told.stdout and "1x256x320" in told.stdout
    assert "capturing" in told.stderr and "double precision" not in told.output
    rounding = 3e-4
    text = CliRunner().invoke(group, ["export", str(tmp_path), str(out)], catch_exceptions=False).stdout
    assert "3.0e-04 from its own predictions in double precision" in text


def converted(*words: str) -> Result:
    return CliRunner().invoke(group, ["export", *words], catch_exceptions=False)


def test_a_model_file_is_converted(tmp_path: Path) -> None:
    tiny_model(tmp_path / "tiny.onnx")
    done = converted(str(tmp_path / "tiny.onnx"), str(tmp_path / "own.onnx"), "--for", "deepness")
    assert done.stdout.splitlines()[0].startswith("own.onnx, own.json: 0.0 MB")
    assert done.stdout.splitlines()[1] == "landcover: agreement 1.0000 on 3 tiles"
    assert "comparing its predictions" in done.stderr


def test_options_that_do_not_fit_the_target_are_wrong_usage(tmp_path: Path) -> None:
    model = str(tiny_model(tmp_path / "tiny.onnx"))
    for words, said in {
        (str(tmp_path / "own.onnx"), "--for", "ncnn"): "does not end in .param",
        (str(tmp_path / "own.param"), "--for", "ncnn", "--int8", model): "8 bits are written for openvino only",
        (str(tmp_path / "own.onnx"), "--int8", model): "--int8 is for --for openvino",
        (str(tmp_path / "own.xml"), "--for", "openvino", "--scores", model): "--scores is for --for onnx",
    }.items():
        done = converted(model, *words)
        assert done.exit_code == 2 and said in " ".join(done.output.split())
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.onnx"]
