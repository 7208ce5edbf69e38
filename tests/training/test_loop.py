import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from smalti.errors import DivergedError, RecipeError
from smalti.training.checkpoint import load_checkpoint, load_state, save_state
from smalti.training.loop import Training, _team_of, begin
from smalti.training.process import torch_threads
from smalti.training.recipe import read_recipe
from tests.training.descent import PLAIN, descend, keep_norms, settle
from tests.training.tiny import write_tiny

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorBoard's own


def start(recipe_path: Path, folder: Path, *changes: str) -> Training:
    recipe = read_recipe(recipe_path, changes)
    card = recipe.make_card("tiny.toml")
    return begin(recipe, card, folder)


def silent(text: str) -> None: ...


def weights_of(training: Training) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in training.model.parameters()])


class KilledError(Exception):
    pass


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that nobody disturbed, and its recipe."""
    folder = tmp_path_factory.mktemp("undisturbed")
    start(write_tiny(folder), folder / "run").run(silent)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 2])
def test_a_killed_training_ends_with_the_same_bytes(whole: Path, tmp_path: Path, steps: int) -> None:
    recipe = whole / "tiny.toml"
    killed = start(recipe, tmp_path)

    def kill(text: str) -> None:
        if killed.progress.step == steps + 1:
            raise KilledError

    with pytest.raises(KilledError):
        killed.run(kill)
    resumed = start(recipe, tmp_path, "train.workers=2")
    assert resumed.progress.step == steps
    resumed.run(silent)

    for part in ("best", "last"):
        name = f"{part}/model.safetensors"
        assert (whole / "run" / name).read_bytes() == (tmp_path / name).read_bytes()
    states = [load_state(run / "last") for run in (whole / "run", tmp_path)]
    assert states[0] is not None and states[1] is not None
    for key in ("model", "mean"):
        assert all(torch.equal(value, states[1][key][name]) for name, value in states[0][key].items())


def test_whoever_is_killed_behind_the_last_state_has_all_records(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save_and_die(folder: Path, state: dict[str, Any]) -> None:
        save_state(folder, state)
        if state["progress"]["step"] == 4:
            raise KilledError

    monkeypatch.setattr("smalti.training.loop.save_state", save_and_die)
    with pytest.raises(KilledError):
        start(whole / "tiny.toml", tmp_path).run(silent)
    kept = (tmp_path / "records.csv").read_bytes()
    assert kept.count(b"\n") == 3
    assert [(tmp_path / name / "records.csv").read_bytes() for name in ("best", "last")] == [kept, kept]


def test_checkpoints_and_records_lie_in_the_folder(whole: Path) -> None:
    card, weights = load_checkpoint(whole / "run" / "best")
    assert card.name == "tiny" and weights
    lines = (whole / "run" / "records.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in lines] == ["step", "2", "4"]
    assert {"loss", "validation/miou", "validation/iou_bright"} <= set(lines[0].split(","))
    assert list((whole / "run" / "tensorboard").iterdir())


def test_a_loss_that_is_no_number_stops_the_training(whole: Path, tmp_path: Path) -> None:
    training = start(whole / "tiny.toml", tmp_path)
    with torch.no_grad():
        next(training.model.parameters()).fill_(torch.nan)
    with pytest.raises(
        DivergedError,
        match=r"at step 1 the loss is nan, at \d\.png \(row -?\d+, column -?\d+\), .*no checkpoint saved yet",
    ):
        training.run(silent)


def test_weights_that_are_no_numbers_are_not_kept(whole: Path, tmp_path: Path) -> None:
    training = start(whole / "tiny.toml", tmp_path)

    def spoil(text: str) -> None:
        if training.progress.step == 2:
            with torch.no_grad():
                next(training.model.parameters()).fill_(torch.inf)

    with pytest.raises(DivergedError, match=r"after step 2 the norm of the weights is inf.*last holds step 1"):
        training.run(spoil)
    _, weights = load_checkpoint(tmp_path / "last")
    assert all(value.isfinite().all() for value in weights.values())
    assert not (tmp_path / "best").exists()


def test_a_resumed_training_draws_the_random_numbers_that_would_have_come(whole: Path, tmp_path: Path) -> None:
    start(whole / "tiny.toml", tmp_path, "train.steps=2").run(silent)
    state = load_state(tmp_path / "last")
    assert state is not None
    drawn = torch.Generator().manual_seed(99).get_state()  # as after a net with dropout, which this one is not
    save_state(tmp_path / "last", state | {"random": drawn})
    start(whole / "tiny.toml", tmp_path)
    assert torch.equal(torch.get_rng_state(), drawn)


def test_a_training_takes_the_threads_of_its_recipe(tmp_path: Path) -> None:
    recipe, opencv = write_tiny(tmp_path), cv2.getNumThreads()
    recipe.write_text(recipe.read_text().replace("threads = 1\n", ""))
    try:
        with torch_threads(3):
            cv2.setNumThreads(3)
            start(recipe, tmp_path / "run")
            assert (torch.get_num_threads(), cv2.getNumThreads()) == (3, 1)
            start(recipe, tmp_path / "run", "train.threads=2")
            assert (torch.get_num_threads(), cv2.getNumThreads()) == (2, 1)
    finally:
        cv2.setNumThreads(opencv)


def test_gradients_that_are_not_finite_stop_a_training_that_clips_them(whole: Path, tmp_path: Path) -> None:
    training = start(whole / "tiny.toml", tmp_path, "train.clip=1")
    next(training.model.parameters()).register_hook(lambda gradient: gradient * torch.inf)
    with pytest.raises(DivergedError, match=r"after step \d the norm of the weights is nan.*no checkpoint saved yet"):
        training.run(silent)


@pytest.mark.slow
def test_a_training_that_gets_no_better_ends_early_and_goes_on_with_more_patience(tmp_path: Path) -> None:
    changes = ("train.steps=40", "train.epoch_steps=1", "train.patience=2", "optim.lr=1e-9", "train.ema=0")
    recipe, said = write_tiny(tmp_path), []
    start(recipe, tmp_path / "run", *changes).run(said.append)
    again = start(recipe, tmp_path / "run", *changes)
    assert again.progress.stopped and again.progress.step == again.progress.best_step + 2 < 40
    assert said[-1] == "no better score in 2 validations: stopped early\n"
    assert not start(recipe, tmp_path / "run", *changes, "train.patience=3").progress.stopped


def test_a_training_of_another_net_is_not_gone_on_with(whole: Path) -> None:
    with pytest.raises(RecipeError, match=r"another net; .*train\.start"):
        start(whole / "tiny.toml", whole / "run", "net.width=0.5")


def test_a_new_training_starts_from_the_weights_of_another(whole: Path, tmp_path: Path) -> None:
    training = start(whole / "tiny.toml", tmp_path, f"train.start={whole / 'run' / 'best'}", "optim.freeze_encoder=1")
    _, weights = load_checkpoint(whole / "run" / "best")
    assert all(torch.equal(value, weights[name]) for name, value in training.model.state_dict().items())
    assert "tensors copied" in training.notes[0] and training.progress.step == 0


def test_a_score_that_is_unknown_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"train\.select: input should be 'miou', 'mf1', 'oa' or 'rightness'"):
        start(write_tiny(tmp_path), tmp_path, "train.select=kappa")


def test_the_model_is_compiled_where_asked_to(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[nn.Module] = []
    monkeypatch.setattr(torch, "compile", lambda model: asked.append(model) or model)
    training = start(whole / "tiny.toml", tmp_path, "train.compile=true")
    assert asked == [training.model]


def test_a_step_behind_a_validation_trains_and_the_encoder_thaws_when_it_should(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = f"train.start={whole / 'run' / 'best'}"
    changes = ("train.epoch_steps=1", "train.steps=3", "optim.freeze_encoder=2", begun)
    training = start(whole / "tiny.toml", tmp_path, *changes)
    seen, net, terms = [], training.model.net, training.work.terms

    def watched(model: nn.Module, batch: Any) -> dict[str, torch.Tensor]:
        seen.append((model.training, net.decoder.training, net.encoder.training))
        return terms(model, batch)

    monkeypatch.setattr(training.work, "terms", watched)
    training.run(silent)
    assert seen == [(True, True, False), (True, True, False), (True, True, True)]


@pytest.mark.parametrize("clip", [1.0, 0.0])
def test_two_batches_accumulated_are_one_of_twice_the_size(tmp_path: Path, clip: float) -> None:
    recipe = write_tiny(tmp_path)
    half = np.arange(32)[:, None].repeat(32, 1) // 16  # the same share of each class in every window
    for number, path in enumerate(sorted((tmp_path / "train" / "images").iterdir())):
        noise = np.random.default_rng(number).integers(0, 99, (32, 32, 3))
        Image.fromarray((half[..., None] * 100 + noise).astype(np.uint8)).save(path)
        Image.fromarray(half.astype(np.uint8)).save(tmp_path / "train" / "masks" / path.name)
    still = ("augment.scale=[1,1]", "augment.rotate=0", "optim.name=sgd", f"train.clip={clip}")
    steps = []
    for batch in (4, 2):
        changes = (*still, f"train.batch={batch}", f"train.accumulate={4 // batch}")
        training = start(recipe, tmp_path / str(batch), *changes)
        keep_norms(training.model)  # with statistics that stay, the size of batches is all the same
        before = weights_of(training)
        training.step(training.work.batches(0))
        steps.append(weights_of(training) - before)
    assert steps[1].norm().item() == pytest.approx(steps[0].norm().item(), rel=1e-2)
    assert torch.cosine_similarity(steps[0], steps[1], dim=0) > 0.999


def test_an_update_lowers_the_loss_as_its_gradient_promises(tmp_path: Path) -> None:
    training = start(write_tiny(tmp_path), tmp_path / "run", "train.batch=8", *PLAIN)
    promised, seen = descend(training, next(training.work.batches(0)))
    assert seen == pytest.approx(promised, rel=0.2)


def test_a_step_is_made_at_the_rate_of_the_schedule(tmp_path: Path) -> None:
    changes = ("optim.lr=0.5", "schedule.name=poly", "schedule.power=1", "train.steps=4", *PLAIN, "train.clip=0.01")
    training = start(write_tiny(tmp_path), tmp_path / "run", *changes)
    batch = next(training.work.batches(0))
    settle(training, batch)
    keep_norms(training.model)
    for left in (1, 0.75):
        training.model.zero_grad()
        before = weights_of(training)
        torch.stack(list(training.work.terms(training.model, batch).values())).sum().backward()
        gradient = torch.cat([p.grad.flatten() for p in training.model.parameters() if p.grad is not None])
        training.model.zero_grad()
        training.step(itertools.repeat(batch))
        moved = before - weights_of(training)
        assert moved.norm().item() == pytest.approx(0.5 * left * 0.01, rel=1e-3)
        assert torch.cosine_similarity(moved, gradient, dim=0) > 0.999


def test_a_checkpoint_chosen_on_test_images_says_so(tmp_path: Path) -> None:
    recipe = write_tiny(tmp_path)
    start(recipe, tmp_path / "run", "data.select_on_test=true", "train.steps=1").run(silent)
    card, _ = load_checkpoint(tmp_path / "run" / "best")
    assert card.origin.chosen.startswith("best miou on the TEST images, as select_on_test allows")


def test_work_for_one_process_is_refused_by_several() -> None:
    recipe, work = SimpleNamespace(kind="alone"), SimpleNamespace()
    alone, two = (SimpleNamespace(global_rank=0, world_size=size, device=torch.device("cpu")) for size in (1, 2))
    assert _team_of(work, recipe, alone).size == 1
    with pytest.raises(RecipeError, match=r"train\.devices: a recipe of kind alone is trained by one process, not 2"):
        _team_of(work, recipe, two)
