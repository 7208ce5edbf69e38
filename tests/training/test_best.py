"""Which validation's weights are kept as the best, when a training validates and stops, and what it reports."""

import math
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from smalti.errors import RecipeError
from smalti.training.checkpoint import load_checkpoint, load_state
from smalti.training.kinds.pixels.work import PixelWork
from smalti.training.loop import Training, begin
from smalti.training.recipe import read_recipe
from smalti.workflows.training_run import train_recipe
from tests.training.tiny import write_tiny

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # TensorBoard's own
    pytest.mark.slow,  # each trains
]
Run = Callable[..., tuple[Training, list[str]]]
"""Trains by scripted scores of the validations, with changes of the recipe; returns the training and its messages."""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    recipe = write_tiny(tmp_path)

    def scripted(scores: Iterable[dict[str, float]], *changes: str) -> tuple[Training, list[str]]:
        read = read_recipe(recipe, ("train.epoch_steps=1", *changes))
        training = begin(read, read.make_card("tiny"), tmp_path / "run")
        left = iter(scores)
        monkeypatch.setattr(type(training.work), "validate", lambda work, model: next(left))
        monkeypatch.setattr(type(training.work), "report", lambda work, scores: f"scores {scores.get('miou', -1):.2f}")
        said: list[str] = []
        training.run(said.append)
        assert not list(left), "fewer validations than expected"
        return training, said

    return scripted


def miou(*scores: float) -> list[dict[str, float]]:
    return [{"miou": score, "oa": 1 - score} for score in scores]


def validations(said: list[str]) -> list[str]:
    return [text.strip() for text in said if "scores" in text]


def test_the_first_of_equal_scores_is_kept_and_each_validation_is_reported(run: Run) -> None:
    training, said = run(miou(0.2, 0.5, 0.5, 0.4))
    assert (training.progress.best, training.progress.best_step, training.progress.stale) == (0.5, 2, 2)
    assert validations(said) == [
        "step 1: scores 0.20 (best)",
        "step 2: scores 0.50 (best)",
        "step 3: scores 0.50 (best 50.00 at step 2)",
        "step 4: scores 0.40 (best 50.00 at step 2)",
    ]
    assert "step 2 of 4" in load_checkpoint(training.folder / "best")[0].origin.chosen


def test_every_second_epoch_and_the_last_are_validated(run: Run) -> None:
    changes = ("train.epoch_steps=2", "train.validate_every=2", "train.steps=6")
    _, said = run(miou(0.2, 0.3), *changes)
    assert [text.partition(":")[0] for text in validations(said)] == ["step 4", "step 6"]


def test_a_score_that_is_missing_is_never_the_best(run: Run) -> None:
    training, said = run([{"oa": 0.5}, *miou(0.1), {"oa": 0.5}, {"oa": 0.5}])
    assert (training.progress.best, training.progress.best_step) == (0.1, 2)
    assert len(validations(said)) == 4


def test_a_patience_of_one_stops_after_the_first_validation_without_a_better_score(run: Run) -> None:
    training, said = run(miou(0.5, 0.4), "train.patience=1")
    assert training.progress.stopped and training.progress.step == 2
    assert said[-1] == "no better score in 1 validations: stopped early\n"
    assert run([], "train.patience=1")[0].progress.step == 2


def test_a_training_that_reaches_its_last_step_was_not_stopped_early(run: Run) -> None:
    training, said = run(miou(0.5, 0.6, 0.7, 0.4), "train.patience=1")
    assert not training.progress.stopped and not any("stopped early" in text for text in said)


def test_the_progress_line_has_the_mean_loss_of_the_epoch(run: Run) -> None:
    training, said = run(miou(0.5, 0.6), "train.epoch_steps=2")
    shown = [float(found[1]) for text in said if (found := re.search(r"loss (-?\d+\.\d+)", text))]
    rows = (training.folder / "records.csv").read_text().splitlines()
    column = rows[0].split(",").index("loss")
    means = [float(row.split(",")[column]) for row in rows[1:]]
    assert len(shown) == 4 and len(means) == 2 and all(loss > 0 for loss in shown)
    assert [shown[1], shown[3]] == pytest.approx(means, abs=1e-3)


def test_the_learning_rate_shown_and_recorded_is_that_of_the_recipe(run: Run) -> None:
    changes = ("train.epoch_steps=2", "optim.lr=0.25", "optim.encoder_factor=0.1", 'schedule.name="poly"')
    training, said = run(miou(0.5, 0.6), *changes, "schedule.power=1", "schedule.warmup=0")
    assert [found[1] for text in said if (found := re.search(r"lr (\S+)", text))] == [
        "2.50e-01", "1.88e-01", "1.25e-01", "6.25e-02"
    ]  # fmt: skip
    rows = (training.folder / "records.csv").read_text().splitlines()
    column = rows[0].split(",").index("lr")
    assert [float(row.split(",")[column]) for row in rows[1:]] == [0.1875, 0.0625]


def test_validations_do_not_count_in_the_seconds_per_step(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def read_clock() -> float:
        now[0] += 1
        return now[0]

    def slow_scores() -> Iterator[dict[str, float]]:
        for scores in miou(0.5, 0.6):
            now[0] += 1000
            yield scores

    monkeypatch.setattr("smalti.training.progress.time.perf_counter", read_clock)
    training, _ = run(slow_scores(), "train.epoch_steps=2")
    rows = (training.folder / "records.csv").read_text().splitlines()
    column = rows[0].split(",").index("seconds_per_step")
    assert [float(row.split(",")[column]) for row in rows[1:]] == [1, 1]


def test_another_criterion_scores_the_kept_checkpoint_and_gives_new_patience(run: Run) -> None:
    run(miou(0.5, 0.4, 0.3), "train.patience=2")
    changes = ("train.patience=2", "train.steps=6", 'train.select="oa"')
    training, said = run([{"miou": 0.5, "oa": 0.9}, *miou(0.4, 0.2)], *changes)
    assert validations(said)[0].endswith("scored again: scores 0.50")
    assert training.progress.step == 5 and training.progress.stopped
    state = load_state(training.folder / "last")
    assert state is not None and state["progress"]["best"] == training.progress.best


def test_a_kept_checkpoint_without_the_new_score_loses_to_any(run: Run) -> None:
    run(miou(0.5, 0.4, 0.3), "train.steps=3")
    training, _ = run([{"miou": 0.5}, {"miou": 0.1, "oa": 0.1}], 'train.select="oa"', "train.steps=4")
    assert (training.progress.best, training.progress.best_step) == (0.1, 4)


def test_the_score_by_another_criterion_is_stored_at_once(run: Run) -> None:
    run(miou(0.5, 0.4, 0.3, 0.2))
    training, _ = run([{"miou": 0.5, "oa": 0.25}], 'train.select="oa"')
    state = load_state(training.folder / "last")
    assert state is not None and state["progress"]["best"] == 0.25
    assert run([], 'train.select="oa"')[0].progress.best == 0.25


def test_a_criterion_without_a_checkpoint_of_before_scores_nothing(run: Run) -> None:
    training, said = run([{}, {}], "train.steps=2")
    assert training.progress.best == -math.inf and not (training.folder / "best").exists()
    _, said = run([{"miou": 0.1, "oa": 0.1}], 'train.select="oa"', "train.steps=3")
    assert [text.partition(":")[0] for text in validations(said)] == ["step 3"]


def test_a_stopped_training_without_patience_trains_on(run: Run) -> None:
    assert run(miou(0.5, 0.4), "train.patience=1")[0].progress.stopped
    training, _ = run(miou(0.4, 0.4), "train.patience=0")
    assert training.progress.step == 4 and not training.progress.stopped


def test_a_lost_best_checkpoint_is_forgotten_with_its_score_and_patience(run: Run) -> None:
    first, _ = run(miou(0.5, 0.4), "train.steps=2")
    shutil.rmtree(first.folder / "best")
    training, said = run([{}, {}], "train.steps=6", "train.patience=2")
    assert "missing; a new one is chosen" in said[0]
    assert (training.progress.step, training.progress.stopped, training.progress.best_step) == (4, True, 0)


def test_the_best_checkpoint_of_a_finished_training_that_was_lost_is_stored_at_once(run: Run) -> None:
    first, _ = run(miou(0.5, 0.4, 0.3, 0.2))
    shutil.rmtree(first.folder / "best")
    training, _ = run(miou(0.25))
    state = load_state(training.folder / "last")
    assert state is not None and (state["progress"]["best"], state["progress"]["best_step"]) == (0.25, 4)


def test_a_score_that_was_never_defined_is_told_at_the_end_and_another_may_choose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, folder, said = write_tiny(tmp_path), tmp_path / "run", list[str]()
    monkeypatch.setattr(PixelWork, "validate", lambda work, model: {"oa": 0.5, "mf1": 0.5})
    with pytest.raises(RecipeError, match=r"^train\.select: miou was undefined in every validation, so .*best was not"):
        train_recipe(read_recipe(recipe), "tiny", folder, show=lambda progress: said.append(progress.note))
    assert [text for text in said if "step 4: " in text][-1].strip().endswith("(miou is undefined)")
    other = read_recipe(recipe, ['train.select="oa"'])
    train_recipe(other, "tiny", folder, resume=True)
    assert "best oa" in load_checkpoint(folder / "best")[0].origin.chosen
