"""The view of a tile is what the lesson says of each of its cells."""

import numpy as np
import pytest

from smalti.lessons.classes import plan_classes
from smalti.lessons.examples import Samples
from smalti.lessons.lesson import Strokes, learn
from smalti.lessons.network import TeachableNetwork
from smalti.lessons.view import View
from smalti.runtime.models import find_model, verify


@pytest.mark.parametrize("classes", [{}, {"new": [], "ground": ["land", "road"]}])
def test_a_view_is_what_the_lesson_says_of_each_cell(classes: dict[str, list[str]]) -> None:
    network = TeachableNetwork(verify(find_model("landcover")), threads=1)
    image = np.random.default_rng(0).integers(90, 110, (3, 128, 128), np.uint8)
    image[:, :, 64:] = np.random.default_rng(1).integers(0, 255, (3, 128, 64), np.uint8)
    maps = network(image)
    cells = np.argwhere(np.ones(maps.logits.shape[1:], bool)).astype(np.int32)
    every = Samples(cells, maps.features(cells), maps.logits_at(cells))
    plan = plan_classes(network.card.class_task(), classes)
    left = np.flatnonzero(cells[:, 1] < 16)
    picked = np.concatenate([left[:200], np.flatnonzero(cells[:, 1] >= 16)[:200]])
    before = np.bincount(plan.offsets(every.logits[picked]).argmax(axis=1), minlength=len(plan.shares))
    labels = np.array([*np.argsort(before, kind="stable")[:2]] * 10)  # the parent has none of them right
    strokes = Strokes(
        every.chosen(picked), np.repeat(np.arange(20).reshape(10, 2).T.ravel(), 20), labels, np.arange(20)
    )
    lesson = learn(strokes, every, plan, network.sizes[-1])
    assert lesson.penalty is not None
    wanted = lesson.logits(every.features, every.logits)
    found = View(plan, lesson, network.sizes)(maps)[cells[:, 0], cells[:, 1]]
    sure = np.partition(wanted, -2)[:, -1] - np.partition(wanted, -2)[:, -2] > 1e-3
    assert (found == wanted.argmax(axis=1))[sure].all() and len(np.unique(found)) > 1
    plain = View(plan, None, network.sizes)(maps)[cells[:, 0], cells[:, 1]]
    assert (plain == plan.offsets(every.logits).argmax(axis=1)).mean() > 0.99
