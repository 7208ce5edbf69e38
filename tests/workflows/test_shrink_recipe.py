"""`shrink` by a recipe: rounds of pruning, training and integers on tiny nets; times and losses are counted."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import smalti as sm
from smalti.card import Score
from smalti.cli import group
from smalti.deploy.shrink.cost import cost_of
from smalti.deploy.shrink.gate import GateRow
from smalti.errors import ExportError, OptionError, OutputError, RecipeError, SmaltiError
from smalti.runtime.models import ModelFile, verify
from smalti.training.checkpoint import load_card, load_state
from smalti.workflows import shrink_rounds, shrink_work
from smalti.workflows.bench import Bench, Timing
from tests.deploy.prune.counted import counted_times
from tests.training.kinds.pixels.tiny_tasks import RECIPE, write_tasks
from tests.training.tiny import write_tiny

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorBoard's own

TABLE = "[shrink]\nmb = 1000.0\nloss = 100.0\nrounds = 2\nfaster = 1.2\nsteps = 2\nlr = 1e-4\n"
LOSS = {"per cut": 0.0}
"""What the fake judge counts, in percent, for each percent of the parameters that are gone."""


class Judge:
    """Instead of scores, what the net has lost of its parameters."""

    def __init__(self, parent: ModelFile, _: Callable[..., Any]) -> None:
        self._whole = cost_of(parent).parameters

    def __call__(self, model: ModelFile) -> list[GateRow]:
        loss = LOSS["per cut"] * 100 * (1 - cost_of(model).parameters / self._whole)
        score = Score(name="classes mIoU", value=0.5 - loss / 100, protocol="counted")
        return [GateRow("validation", "classes", "mIoU", 0.5, 0.5 - loss / 100, loss, (score,))]


def bench(models: Sequence[str], seconds: float) -> Bench:
    """A tile takes a millisecond for each kilobyte of the file."""
    times = {name: Path(name).stat().st_size / 1e3 for name in models}
    rows = tuple(Timing(name, "onnx", 2, 32, "floats", ms, ms, 0.1, 50, None, 0) for name, ms in times.items())
    return Bench("a machine", "2026-11-29", rows, {name: verify(name).card for name in models})


@pytest.fixture(scope="module", autouse=True)
def counted() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shrink_work, "bench", bench)
        patch.setattr(shrink_rounds, "MOST", 4)
        counted_times(patch)
        patch.setattr(shrink_work, "export_checkpoint", once(shrink_work.export_checkpoint))
        yield


def once(export: Callable[..., object]) -> Callable[..., None]:
    """Exports each checkpoint once: it takes seconds, and each run of the command begins with the same parent."""
    files: dict[Path, bytes] = {}

    def exported(checkpoint: Path, out: Path, **options: Any) -> None:
        if checkpoint not in files:
            export(checkpoint, out, **options)
            files[checkpoint] = out.read_bytes()
        out.write_bytes(files[checkpoint])

    return exported


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    monkeypatch.setattr(shrink_rounds, "Labelled", Judge)
    monkeypatch.setitem(LOSS, "per cut", 0.0)
    return LOSS


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A recipe with a table `[shrink]`, and the checkpoint of its training."""
    folder = tmp_path_factory.mktemp("tiny")
    recipe = write_tiny(folder)
    recipe.write_text(recipe.read_text().replace("width = 0.25", 'name = "fpn"\nwidth = 0.25'))
    best = sm.train(recipe, out=folder / "run").best
    recipe.write_text(recipe.read_text() + TABLE)
    return recipe, best


@pytest.fixture(scope="module")
def integers(trained: tuple[Path, Path]) -> sm.Shrink:
    """Integers alone, judged by scores."""
    recipe, best = trained
    return sm.shrink(best, recipe.parent / "small.onnx", recipe=recipe)


@pytest.fixture
def out(integers: sm.Shrink, tmp_path: Path) -> Path:
    """An output whose round 0 is made."""
    shutil.copytree(f"{integers.path}.rounds", tmp_path / "small.onnx.rounds")
    return tmp_path / "small.onnx"


def test_integers_alone_are_enough_for_a_target_that_they_meet(integers: sm.Shrink) -> None:
    done = integers
    [row] = done.rounds
    assert row.number == 0 and row.size == done.size == done.path.stat().st_size
    assert done.checkpoint is None and not done.missed
    card = verify(done.path).card
    assert "ranges from 2 tiles of the training images of tiny.toml" in card.origin.chosen
    assert [each.data for each in done.rows] == ["validation of tiny.toml"]
    assert "validation of tiny.toml" in card.origin.scores[0].protocol  # and no test


@pytest.mark.slow
def test_rounds_lead_to_the_target(
    trained: tuple[Path, Path], out: Path, integers: sm.Shrink, tmp_path: Path, judged: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    recipe, best = trained
    judged["per cut"] = 0.01
    changes = {"shrink.ms": 0.9 * integers.size / 1e3}
    done = sm.shrink(best, out, recipe=recipe, changes=changes, report=tmp_path / "page.html")
    sizes = [row.size for row in done.rounds]
    assert len(sizes) in (2, 3) and sizes[-1] < 0.9 * integers.size <= sizes[-2]
    assert done.rounds[-1].channels < done.rounds[0].channels and 0 < done.rounds[-1].loss < 100
    made = verify(out).card
    assert made.narrowed and made.name == "small"
    assert f"pruned and trained in {len(sizes) - 1} round" in made.origin.chosen
    assert f"round 0: {done.rounds[0].channels:,} channels" in made.origin.chosen
    assert made.origin.recipe.startswith("shrunk from tiny (sha256")
    assert done.checkpoint is not None and load_card(done.checkpoint).narrowed == made.narrowed
    assert f"its net in float: {done.checkpoint}" in str(done) and str(done.rounds[1]) in str(done)
    page = (tmp_path / "page.html").read_text()
    assert "<h2>Rounds</h2>" in page and f"<td>{done.rounds[1].channels:,}</td>" in page
    state = load_state(done.checkpoint.parent / "last")
    assert (
        state
        and f'"teacher":"{best}"' in state["recipe"]
        and '"steps":2,' in state["recipe"]
        and '"lr":0.0001,' in state["recipe"]
    )

    def never(*_: object, **__: object) -> None:
        raise AssertionError("is finished")

    for name in ("train_recipe", "prune_to"):
        monkeypatch.setattr(shrink_rounds, name, never)
    monkeypatch.setattr(shrink_work.Search, "run", never)
    content = out.read_bytes()
    again = sm.shrink(best, out, recipe=recipe, changes=changes)
    assert again.rounds == done.rounds and out.read_bytes() == content


@pytest.mark.slow
def test_what_is_in_the_way_is_said_and_nothing_is_written(
    trained: tuple[Path, Path], out: Path, judged: dict[str, float]
) -> None:
    recipe, best = trained
    tiny = {"shrink.mb": 1e-3, "shrink.rounds": 1}
    with pytest.raises(ExportError) as error:
        sm.shrink(best, out, recipe=recipe, changes=tiny)
    assert "small.onnx: not written: no round of 1 is left; in round 1, the nearest, the file has" in str(error.value)
    assert "\n" not in str(error.value) and not out.exists()
    done = sm.shrink(best, out, recipe=recipe, changes=tiny, anyway=True)
    assert out.exists() and done.missed.startswith("no round of 1 is left") and len(done.rounds) == 2


@pytest.mark.slow
def test_a_loss_that_is_too_large_ends_the_rounds_and_the_one_before_is_the_best(
    trained: tuple[Path, Path], out: Path, judged: dict[str, float]
) -> None:
    recipe, best = trained
    judged["per cut"] = 1000.0
    changes = {"shrink.mb": 1e-3}
    with pytest.raises(ExportError, match=r"the loss of round 1 is too large; in round 0, the nearest, the file has"):
        sm.shrink(best, out, recipe=recipe, changes=changes)
    assert not Path(f"{out}.rounds", "2").exists()
    done = sm.shrink(best, out, recipe=recipe, changes=changes, anyway=True)
    assert done.loss < 100 and done.checkpoint is None and not verify(out).card.narrowed


@pytest.mark.slow
def test_several_tasks_are_pruned_trained_and_judged_each(tmp_path: Path) -> None:
    text = RECIPE.replace("cross_stitch", "shared").replace("save_every = 2", "save_every = 2\nema = 0.0")
    recipe = write_tasks(tmp_path, text)
    best = sm.train(recipe, out=tmp_path / "run").best
    recipe.write_text(f"{text}{TABLE}")
    out = tmp_path / "small.onnx"
    changes = {"shrink.mb": 1e-3, "shrink.rounds": 1}
    done = sm.shrink(best, out, recipe=recipe, changes=changes, anyway=True)
    assert {(row.task, row.measure) for row in done.rows} == {
        ("cover", "mIoU"), ("height", "RMSE"), ("edges", "mIoU")
    }  # fmt: skip
    assert done.rounds[1].parameters < done.rounds[0].parameters
    height = next(row for row in done.rows if row.task == "height")
    assert height.loss == pytest.approx(100 * (height.after / height.before - 1))
    state = load_state(Path(f"{out}.rounds", "1", "trained", "last"))
    assert state and f'"teacher":"{best}"' in state["recipe"]


@pytest.mark.slow
def test_a_killed_command_resumes(
    trained: tuple[Path, Path], out: Path, judged: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, best = trained
    changes = {"shrink.mb": 1e-3, "shrink.rounds": 1}
    train, pruned = shrink_rounds.train_recipe, []

    def killed(*args: Any, **kwargs: Any) -> None:
        train(*args, **kwargs | {"show": stop})

    def stop(now: sm.Progress) -> None:
        if now.done == 2:  # the first step is saved
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shrink_rounds, "train_recipe", killed)
        with pytest.raises(KeyboardInterrupt):
            sm.shrink(best, out, recipe=recipe, changes=changes)
    assert not out.exists()
    monkeypatch.setattr(shrink_rounds, "prune_to", lambda *_, **__: pruned.append(1))
    notes: list[str] = []
    done = sm.shrink(
        best, out, recipe=recipe, changes=changes, anyway=True, progress=lambda now: notes.append(now.note)
    )
    assert not pruned and len(done.rounds) == 2
    assert any(note.startswith("resuming from step 1") for note in notes)


@pytest.mark.slow
def test_rounds_of_other_settings_are_refused_unless_accepted(
    trained: tuple[Path, Path], out: Path, integers: sm.Shrink, tmp_path: Path
) -> None:
    recipe, best = trained
    wider = sm.shrink(best, out, recipe=recipe, changes={"shrink.mb": 2000.0, "shrink.rounds": 3})  # targets may change
    assert wider.rounds == integers.rounds
    with pytest.raises(OutputError, match=r"rounds holds rounds with another recipe; give another output, or --resume"):
        sm.shrink(best, out, recipe=recipe, changes={"optim.lr": 1e-4})
    with pytest.raises(OutputError, match=r"rounds with another shrink\.faster, steps or lr"):
        sm.shrink(best, out, recipe=recipe, changes={"shrink.steps": 3})
    assert sm.shrink(best, out, recipe=recipe, changes={"shrink.steps": 3}, resume=True).rounds == integers.rounds
    (tmp_path / "own.onnx.rounds").mkdir()
    (tmp_path / "own.onnx.rounds" / "mine").touch()
    with pytest.raises(OutputError, match="holds no rounds of smalti"):
        sm.shrink(best, tmp_path / "own.onnx", recipe=recipe)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["shrink={}"], "shrink: there is no target; give ms, mb or both"),
        (["shrink.step=4"], r"unknown key shrink\.step; did you mean steps\?"),
        (["shrink.faster=1"], r"shrink\.faster: "),
        (["net.name=ued"], "net is net ued with .*, but .*best has net fpn with .*; give the recipe"),
        (["card.tasks=[{labels=['a', 'b']}]"], r"card\.tasks\.0 \(classes\) is a, b, but .*best has dark, bright"),
        (["data.validation=[]"], r"data\.validation: "),
        (["data.validation=[{path=['none']}]"], "none"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused_in_one_line_before_the_work(
    trained: tuple[Path, Path], tmp_path: Path, changes: list[str], message: str
) -> None:
    recipe, best = trained
    with pytest.raises(SmaltiError, match=message) as error:
        sm.shrink(best, tmp_path / "small.onnx", recipe=recipe, changes=changes)
    assert "\n" not in str(error.value) and not (tmp_path / "small.onnx").exists()


def test_options_that_a_recipe_replaces_are_refused(trained: tuple[Path, Path], tmp_path: Path) -> None:
    (recipe, best), out = trained, tmp_path / "small.onnx"
    with pytest.raises(OptionError, match=r"--ms: .*tiny.toml says what to reach .*; --set shrink.ms="):
        sm.shrink(best, out, recipe=recipe, milliseconds=3)
    with pytest.raises(OptionError, match=r"--loss: .*--set shrink.loss="):
        sm.shrink(best, out, recipe=recipe, loss=0)
    with pytest.raises(OptionError, match=r"--data: .*omit it"):
        sm.shrink(best, out, recipe=recipe, data=[tmp_path])
    with pytest.raises(OptionError, match="--set is about a recipe; give it as --recipe"):
        sm.shrink(best, out, changes={"shrink.ms": 3})
    with pytest.raises(OptionError, match="--resume is about a recipe"):
        sm.shrink(best, out, resume=True)
    plain = write_tiny(tmp_path)
    with pytest.raises(RecipeError, match=r"has no table \[shrink\]; add one with a target"):
        sm.shrink(best, out, recipe=plain)


def test_the_command_prints_the_rounds(trained: tuple[Path, Path], out: Path) -> None:
    recipe, best = trained
    words = ["shrink", str(best), "-o", str(out), "--recipe", str(recipe), "--set", "shrink.rounds=3"]
    done = CliRunner().invoke(group, words)
    assert done.exit_code == 0, done.output
    assert "round 0: " in done.stderr and "round 0: " in done.stdout
