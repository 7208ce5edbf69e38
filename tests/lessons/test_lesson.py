"""What is kept of a lesson."""

import numpy as np

from smalti.card import Task
from smalti.lessons.classes import plan_classes
from smalti.lessons.examples import Samples
from smalti.lessons.lesson import Strokes, learn

TASK = Task(name="cover", labels=("land", "water"), colors=((0, 0, 0), (9, 9, 9)))


def _strokes(logits: np.ndarray, labels: list[int]) -> Strokes:
    random = np.random.default_rng(0)
    count = len(labels)
    samples = Samples(np.zeros((count, 2), np.int32), random.normal(size=(count, 6)).astype(np.float32), logits)
    return Strokes(samples, np.arange(count), np.array(labels), np.arange(count))


def test_a_lesson_by_which_fewer_strokes_are_right_is_not_kept() -> None:
    """Though fewer are surely wrong: the parent was sure of two wrong strokes, and right of the others by a hair."""
    labels = [0, 1] * 6
    hardly = np.array([[0.01, -0.01] if label == 0 else [-0.01, 0.01] for label in labels], np.float32)
    hardly[:2] = [[-30, 30], [30, -30]]
    random = np.random.default_rng(1)
    others = Samples(
        np.zeros((300, 2), np.int32),
        random.normal(size=(300, 6)).astype(np.float32),
        random.normal(size=(300, 2)).astype(np.float32),
    )
    found = learn(_strokes(hardly, labels), others, plan_classes(TASK, {}), 2)
    assert found.by_stroke.score < found.by_stroke.parent < 1
    assert found.penalty is None and not found.weights.any() and found.changed(others) == 0
