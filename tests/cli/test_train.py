"""The command itself: killed and started again, and what it says to a recipe that cannot be."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from smalti.cli import main
from tests.training.tiny import write_tiny

RECIPE = """
[card]
name = "town"
tile = 64
overlap = 16
[[card.tasks]]
labels = ["land", "water", "building", "vegetation", "road"]
[net]
width = 0.25
[[data.train]]
kind = "drawn"
seeds = [1]
size = 256
[[data.validation]]
kind = "drawn"
seeds = [2]
size = 64
[optim]
name = "sgd"
[schedule]
name = "poly"
[train]
steps = 12
batch = 2
crop = 64
epoch_steps = 3
save_every = 2
threads = 1
"""
WEIGHTS = ("best/model.safetensors", "last/model.safetensors")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "town.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def leave(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs `smalti train ARGUMENTS...` to its end: exit code, stdout, stderr."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["smalti", "train", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        told = capsys.readouterr()
        return int(left.value.code or 0), told.out, told.err

    return run


def pieces(process: "subprocess.Popen[bytes]") -> Iterator[bytes]:
    assert process.stdout is not None
    while piece := process.stdout.read(64):
        yield piece


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_killed_in_the_middle_it_goes_on_to_the_same_bytes(
    recipe: Path, tmp_path: Path, leave: Callable[..., tuple[int, str, str]], smalti: Callable[..., object]
) -> None:
    arguments = ("train", str(recipe), "--out", str(tmp_path / "killed"))
    command = [sys.executable, "-m", "smalti", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as process:
        said = b""
        for piece in pieces(process):
            said += piece
            if b"step 3: " in said:  # steps 1 and 2 are saved
                break
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    (tmp_path / "killed" / "best").mkdir(exist_ok=True)
    for name in ("last/state.pt", *WEIGHTS):  # as a kill while they are written leaves them
        (tmp_path / "killed" / f"{name}.99999999.unfinished").write_bytes(b"half")
    done = smalti(*arguments)
    assert list((tmp_path / "killed").rglob("*.unfinished")) == []
    resumed = re.search(r"resuming from step (\d+)", done.stdout)  # type: ignore[attr-defined]
    assert resumed and 2 <= int(resumed[1]) < 12

    code, out, _ = leave(recipe, "--out", tmp_path / "whole")
    assert code == 0 and "resuming" not in out and "smalti export" in out
    for name in WEIGHTS:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()

    code, _, err = leave(recipe, "--out", tmp_path / "whole", "--set", "train.seed=5")
    assert code == 3 and "holds a training with other settings" in err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("train.stpes=3", "unknown key train.stpes; did you mean steps?"),
        ("data.train.0.sedes=[3]", "unknown key data.train.0.sedes; did you mean seeds?"),
        ("train.batch=two", "train.batch: input should be a valid integer"),
        ("train.accelerator=gpu", "train.accelerator: 'gpu' requested, but torch finds no GPU"),
        ("data.validation.0.seeds=[7, 1]", "data.train and data.validation both draw the scene of seed 1"),
        ("net.name=unett", "unknown net 'unett'"),
        ("net.encoder=ghostnett", "ghostnett"),
        ("loss={focul=1}", "unknown key loss.focul; did you mean focal?"),
        ('card.tasks.0.labels=["a", "b"]', "drawn scenes have the classes land, water"),
    ],
)
def test_a_wrong_recipe_gets_one_line(
    recipe: Path,
    tmp_path: Path,
    leave: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    change: str,
    message: str,
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    code, _, err = leave(recipe, "--set", change, "--out", tmp_path / "run")
    assert code == 3
    assert err.startswith("smalti: ") and message in err and err.count("\n") == 1
    assert not list(tmp_path.glob("run/*/*"))


def test_nothing_to_go_on_with_is_told(
    recipe: Path, tmp_path: Path, leave: Callable[..., tuple[int, str, str]]
) -> None:
    code, _, err = leave(recipe, "--resume", "--out", tmp_path / "run")
    assert code == 3 and "holds no training to resume" in err


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_variants_are_trained_one_after_the_other_and_only_once(
    recipe: Path, tmp_path: Path, leave: Callable[..., tuple[int, str, str]]
) -> None:
    arguments = (recipe, "--set", "train.steps=1", "--variant", "optim.lr=0.01", "--out", tmp_path / "runs")
    code, out, _ = leave(*arguments, "--seeds", "1")
    assert code == 0 and "lr-0.01_seed-1: starts" in out and (tmp_path / "runs" / "lr-0.01_seed-1" / "best").is_dir()
    code, out, _ = leave(*arguments, "--seeds", "1,2")
    assert "lr-0.01_seed-1: is already finished" in out and "lr-0.01_seed-2: starts" in out
    assert "validation/miou" in out and "±" in out.splitlines()[-1] and "optim.lr=0.01  2" in out.splitlines()[-1]


def test_a_learning_rate_is_suggested_and_no_checkpoint_left(
    recipe: Path, tmp_path: Path, leave: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smalti.training.lr_range.STEPS", 4)
    code, out, _ = leave(recipe, "--find-lr", "--out", tmp_path / "run")
    assert code == 0 and "rates from 1.0e-06" in out
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["lr_range.csv", "lr_range.html"]


def test_options_that_exclude_each_other_are_wrong_usage(
    recipe: Path, leave: Callable[..., tuple[int, str, str]]
) -> None:
    for wrong in (("--find-lr", "--seeds", "1"), ("--seeds", "one")):
        assert leave(recipe, *wrong)[0] == 2


def test_the_first_windows_are_drawn_and_nothing_is_trained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["smalti", "train", str(write_tiny(tmp_path)), "--show-batches", "--out", str(tmp_path / "run")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit, match=r"^0$"):
            main()
    assert "batches.png: the first 24 windows" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["batches.png"]
    with Image.open(tmp_path / "run" / "batches.png") as picture:
        assert picture.height > 8 * 200 and picture.getcolors(1000) is None
