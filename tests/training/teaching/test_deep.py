"""What a deep lesson learns from, how it resumes, and which step it keeps."""

from pathlib import Path

import numpy as np
import pytest
import torch

from smalti.card import Card, Task
from smalti.lessons.classes import plan_classes
from smalti.lessons.lesson import TRUST
from smalti.nets.build import Model, build
from smalti.runtime.models import find_model, verify
from smalti.training.model_file import ModelWeights
from smalti.training.teaching.deep import DeepLesson, _chosen
from smalti.training.teaching.ground import NONE, SIDE, Ground, Windows
from smalti.training.teaching.held import Material, held_out
from smalti.training.teaching.student import make_student

CARD = Card(name="x", net="ued", options={"width": 0.25}, tasks=(Task(name="classes", labels=("dark", "bright")),))
LABELS = np.arange(20) % 2


def grounds(side: int = SIDE) -> list[Ground]:
    """Two tiles, dark at the left and bright at the right, of which the quick head says the opposite, unsurely."""
    found = []
    for seed in range(2):
        random = np.random.default_rng(seed)
        bright = np.broadcast_to(np.arange(side) >= side // 2, (side, side))
        pixels = np.repeat(np.repeat(60 + 120 * bright, 4, 0), 4, 1) + random.integers(0, 20, (3, 4 * side, 4 * side))
        strokes = np.full((side, side), NONE, np.int32)
        for number in range(seed * 10, seed * 10 + 10):
            col = 4 + (side // 2) * (number % 2)
            strokes[3 + number % 10 * 4, col : col + 5] = number
        said = np.stack([0.4 + 0.2 * bright, 0.6 - 0.2 * bright]).astype(np.float16)
        found.append(Ground(pixels.astype(np.uint8), strokes, said, np.ones((side, side), bool)))
    return found


def material(of: str = "this") -> Material:
    return Material(grounds(), LABELS, np.where(held_out(LABELS), 0.0, 1.0), of)


def student() -> Model:
    model = build(CARD, 0).eval()
    model.net.encoder.requires_grad_(False)
    return model


def lesson(state: Path | None, of: str = "this") -> DeepLesson:
    return DeepLesson(student(), material(of), state, seconds=0)


def quiet(text: str) -> None:
    pass


def test_a_fifth_of_each_class_is_held_out() -> None:
    labels = np.array([0] * 10 + [1] * 3 + [2])
    held = held_out(labels)
    assert [held[labels == label].sum() for label in range(3)] == [2, 1, 0]


def test_the_last_look_that_is_nearly_the_best_is_kept() -> None:
    assert _chosen([-1.0, -0.5, -0.51, -0.9]) == 2
    assert _chosen([-1.0, -0.9, -0.5, -0.6]) == 2


def test_windows_are_functions_of_their_number_and_their_arrays_belong_together() -> None:
    windows = Windows(grounds(48), ~held_out(LABELS))  # smaller than a window
    batch = windows.batch(3, 4)
    again = windows.batch(3, 4)
    assert torch.equal(batch.image, again.image) and not torch.equal(batch.image, windows.batch(4, 4).image)
    assert batch.image.shape == (4, 3, 4 * SIDE, 4 * SIDE) and batch.said.shape == (4, 2, SIDE, SIDE)
    bright = torch.nn.functional.avg_pool2d(batch.image, 4)[:, 0] > 120
    assert torch.equal((batch.said[:, 0] > 0.5)[batch.valid], bright[batch.valid])
    assert not batch.valid.all() and (batch.strokes[~batch.valid] == NONE).all()
    known = batch.strokes != NONE
    assert torch.equal(torch.from_numpy(LABELS)[batch.strokes[known]] == 1, bright[known])


@pytest.mark.slow
def test_a_lesson_that_was_stopped_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    whole = lesson(None)
    expected = whole.learn(quiet, lambda _: None)

    def stop(text: str) -> None:
        if "step 6 " in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lesson(tmp_path / "state.pt").learn(stop, lambda _: None)
    resumed = lesson(tmp_path / "state.pt")
    lines: list[str] = []
    found = resumed.learn(lines.append, lambda _: None)
    assert "step 8 of 16" in lines[0] and "held out" in lines[0]
    np.testing.assert_array_equal(found.rights, expected.rights)
    for name, value in whole._model.state_dict().items():
        assert torch.equal(value, resumed._model.state_dict()[name])
    assert len(found.rights) == 4 and found.steps == 16
    assert found.step >= 8  # the net begins far from the quick head; its first steps are never kept


@pytest.mark.parametrize("harm", ["other", "damaged", "text"])
def test_a_state_of_something_else_is_not_continued(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "state.pt"
    first = lesson(path)
    first._look()
    first._state.step = 3
    first._save()
    assert lesson(path)._state.step == 3
    if harm == "damaged":
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif harm == "text":
        path.write_text("no state")
    assert lesson(path, "that" if harm == "other" else "this")._state.step == 0


def test_the_student_begins_as_the_classes_say(tmp_path: Path) -> None:
    file = verify(find_model("landcover"))
    parent = file.card.class_task()
    plan = plan_classes(parent, {"plants": ["vegetation"], "ground": ["land", "road"], "solar": []})
    card = file.card.model_copy(update={"tasks": (plan.task,), "unlike": None})
    weights = ModelWeights(file)
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 255, (2, 3, 64, 64), np.uint8))
    model = make_student(weights, card, plan, image)
    theirs = build(file.card, 0).eval()
    theirs.load_state_dict(weights.unfolded(image))
    with torch.no_grad():
        found, before = model(image)[parent.name], theirs(image)[parent.name]

    def of(name: str) -> torch.Tensor:
        return found[:, plan.task.labels.index(name)]

    def was(name: str) -> torch.Tensor:
        return TRUST * before[:, parent.labels.index(name)]

    assert torch.allclose(of("plants"), was("vegetation"), atol=1e-4)
    assert torch.allclose(of("ground"), (was("land") + was("road")) / 2, atol=1e-4)
    assert (of("solar") == 0).all()
    assert not any(value.requires_grad for value in model.net.encoder.parameters())
    assert all(value.requires_grad for value in model.net.decoder.parameters())


@pytest.mark.parametrize("part", ["own", "mean", "best", "optimizer"])
def test_a_state_that_fits_in_part_only_changes_nothing(tmp_path: Path, part: str) -> None:
    path = tmp_path / "state.pt"
    first = lesson(path)
    first._step()
    first._look()
    first._save()
    assert lesson(path)._state.step == 1
    stored = torch.load(path, weights_only=True)
    if part == "optimizer":
        number = max(stored[part]["state"])
        stored[part]["state"][number]["exp_avg"] = torch.zeros(77)
    else:
        del stored[part][list(stored[part])[-1]]
    torch.save(stored, path)
    again = lesson(path)
    assert again._state.step == 0 and not again._optimizer.state
    for found in (again._model, again._mean.module):
        for name, value in student().state_dict().items():
            assert torch.equal(value, found.state_dict()[name]), name
