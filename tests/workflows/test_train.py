"""`train` and `export` of the Python API."""

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import smalti as sm
from smalti.errors import BusyError, MissingExtraError, OptionError, RecipeError
from tests.tiny import tiny_model


@pytest.mark.slow
def test_a_training_resumes_and_its_checkpoint_predicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("lightning")
    import cv2
    import torch

    from tests.training.tiny import write_tiny

    monkeypatch.chdir(tmp_path)
    recipe = write_tiny(tmp_path)
    heard: list[sm.Progress] = []
    changes = {"train.steps": 4, "train.validate_every": 2}

    def interrupt(now: sm.Progress) -> None:
        heard.append(now)
        if now.unit == "step" and now.done >= 2:  # labels and files are counted before
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sm.train(recipe, changes, out="run", progress=interrupt)
    torch.set_num_threads(2)
    cv2.setNumThreads(2)
    state = torch.get_rng_state()
    run = sm.train(recipe, changes, out="run", progress=heard.append)
    assert torch.equal(torch.get_rng_state(), state) and torch.get_num_threads() == cv2.getNumThreads() == 2
    assert any("resuming from step" in str(now) for now in heard)
    assert run.best == Path("run/best") and run.scores and str(run) == run.table and "protocol" in run.table
    assert heard[-1].total == 4
    pixels = np.random.default_rng(0).integers(0, 255, (3, 40, 50), np.uint8)
    assert sm.predict(pixels, sm.open_model(run.best, threads=1)).classes.shape == (40, 50)
    assert torch.equal(torch.get_rng_state(), state)  # those who predict keep their random numbers
    assert torch.get_num_threads() == 2  # and their threads
    assert capfd.readouterr().out == ""
    with pytest.raises(RecipeError, match="holds a training with other settings"):
        sm.train(recipe, {**changes, "train.steps": 6}, out="run")


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "lightning", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'smalti\[train\]'"):
        sm.train(tmp_path / "r.toml")
    for name in [name for name in sys.modules if name.startswith("smalti.deploy.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtraError, match=r"pip install 'smalti\[train\]'"):
        sm.export(tmp_path, tmp_path / "own.onnx")


def test_without_a_package_for_training_checkpoints_and_recipes_name_the_extra(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    tiny_model(tmp_path / "tiny.onnx")
    (tmp_path / "r.toml").touch()
    trained = "sm.train('r.toml')" if find_spec("lightning") else "sm.open_model('.')"
    code = f"""
import sys
sys.modules["safetensors"] = None
import smalti as sm
for call in (lambda: sm.open_model("."), lambda: sm.evaluate("tiny.onnx", "r.toml"), lambda: {trained}):
    try:
        call()
    except sm.SmaltiError as error:
        print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    lines = done.stdout.splitlines()
    assert len(lines) == 3, done.stderr
    for line in lines:
        assert line.startswith("MissingExtraError ") and line.endswith("pip install 'smalti[train]'")


def test_an_export_tells_how_well_both_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = pytest.importorskip("smalti.deploy.release", exc_type=ImportError)
    from smalti.deploy.parity import Parity

    def export(checkpoint: Path, out: Path, scores: Path | None, say: Callable[[str], None], **_: None) -> Parity:
        say("tracing")
        out.write_bytes(b"model")
        return Parity(1e-6, ((1, 64, 64),))

    monkeypatch.setattr(release, "export_checkpoint", export)
    heard: list[str] = []
    done = sm.export(tmp_path, tmp_path / "own.onnx", progress=lambda now: heard.append(str(now)))
    assert (done.size, done.difference, done.shapes, heard) == (5, 1e-6, ((1, 64, 64),), ["tracing"])


def test_an_export_that_another_thread_makes_is_left_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = pytest.importorskip("smalti.deploy.release", exc_type=ImportError)
    from smalti.deploy.parity import Parity

    def export(checkpoint: Path, out: Path, scores: Path | None, say: Callable[[str], None], **_: None) -> Parity:
        with pytest.raises(BusyError, match="is already making it"):
            sm.export(checkpoint, out)
        out.write_bytes(b"model")
        return Parity(1e-6, ((1, 64, 64),))

    monkeypatch.setattr(release, "export_checkpoint", export)
    assert sm.export(tmp_path, tmp_path / "own.onnx").size == 5
    assert list(tmp_path.iterdir()) == [tmp_path / "own.onnx"]


def test_the_name_of_an_export_says_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"does not end in \.onnx") as refused:
        sm.export(tmp_path, tmp_path / "own.pt")
    assert refused.value.value == tmp_path / "own.pt"
