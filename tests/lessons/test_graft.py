from pathlib import Path

import numpy as np
import pytest

from smalti.lessons.classes import ClassPlan, Wanted, plan_classes
from smalti.lessons.graft import grafted
from smalti.lessons.head import find_basis
from smalti.lessons.lesson import Lesson, Validated
from smalti.lessons.network import TeachableNetwork
from smalti.runtime.models import BUNDLED, ModelFile, verify
from smalti.runtime.onnx import OnnxPredictor

WHATEVER = Validated("stroke", 1.0, 0.5, 0.1, 9)
PIXELS = np.random.default_rng(0).integers(0, 255, (3, 96, 160)).astype(np.uint8)
PLANS: list[Wanted] = [{}, {"ground": ["land", "road"]}, {"roof": ["building"], "hall": ["building"], "solar": []}]


def _lesson(network: TeachableNetwork, plan: ClassPlan, size: float) -> Lesson:
    maps = network(PIXELS)
    cells = np.argwhere(np.ones(maps.logits.shape[1:], bool)).astype(np.int32)
    basis = find_basis(maps.features(cells), maps.logits_at(cells), network.sizes[-1])
    scales = np.linspace(0.2, 1, len(plan.task.labels)) if size else np.ones(len(plan.task.labels))
    weights = size * np.random.default_rng(1).normal(size=(basis.factors.shape[1] + 1, len(plan.task.labels)))
    return Lesson(plan, basis, weights, 1.0, WHATEVER, WHATEVER, scales)


def _child(parent: ModelFile, network: TeachableNetwork, lesson: Lesson, tmp_path: Path) -> ModelFile:
    tasks = tuple(lesson.plan.task if task.has_classes else task for task in parent.card.tasks)
    card = parent.card.model_copy(update={"tasks": tasks, "unlike": None})
    content, digest = grafted(parent, lesson, network.sizes, card, tmp_path / "own.onnx")
    (tmp_path / "own.onnx").write_bytes(content)
    assert verify(tmp_path / "own.onnx").sha256 == digest
    return verify(tmp_path / "own.onnx")


@pytest.mark.parametrize("wanted", PLANS, ids=["same", "merged", "split and new"])
@pytest.mark.parametrize("name", ["landcover", "landcover_fast", "town"])
def test_the_graph_computes_what_was_learned(name: str, wanted: Wanted, tmp_path: Path) -> None:
    parent = verify(BUNDLED / f"{name}.onnx")
    network = TeachableNetwork(parent, 1)
    plan = plan_classes(parent.card.class_task(), wanted)
    lesson = _lesson(network, plan, 2.0)
    child = TeachableNetwork(_child(parent, network, lesson, tmp_path), 1)
    maps, found = network(PIXELS), child(PIXELS)
    cells = np.argwhere(np.ones(maps.logits.shape[1:], bool)).astype(np.int32)
    expected = lesson.logits(maps.features(cells), maps.logits_at(cells))
    np.testing.assert_allclose(found.logits_at(cells), expected, atol=2e-3)
    assert child.anatomy.maps == network.anatomy.maps  # it can be taught again


@pytest.mark.parametrize("name", ["landcover_fast", "town"])
def test_nothing_learned_changes_nothing(name: str, tmp_path: Path) -> None:
    parent = verify(BUNDLED / f"{name}.onnx")
    network = TeachableNetwork(parent, 1)
    lesson = _lesson(network, plan_classes(parent.card.class_task(), {}), 0.0)
    child = _child(parent, network, lesson, tmp_path)
    before, after = (OnnxPredictor(model, 1)(PIXELS[None]) for model in (parent, child))
    for task in after:
        np.testing.assert_allclose(after[task], before[task], atol=1e-5)


def test_a_taught_model_is_taught_again(tmp_path: Path) -> None:
    parent = verify(BUNDLED / "landcover.onnx")
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        network = TeachableNetwork(parent, 1)
        lesson = _lesson(network, plan_classes(parent.card.class_task(), {}), 1.0)
        parent = _child(parent, network, lesson, tmp_path / folder)
    assert np.isfinite(OnnxPredictor(parent, 1)(PIXELS[None])["landcover"]).all()
