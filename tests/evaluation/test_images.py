import json
import math

import numpy as np
import pytest

from smalti.card import Card, Task
from smalti.evaluation.images import ImageCounts, image_evaluation, seen
from smalti.evaluation.protocol import Stated

AGE = Task(name="age", kind="image_classes", labels=tuple("abcdefg"))
GENDER = Task(name="gender", kind="image_classes", labels=("m", "f"))
HEIGHT = Task(name="height", kind="image_value", unit="m")


def one_hot(ids: list[int], classes: int) -> np.ndarray:
    return np.eye(classes)[ids]


def test_classes_are_counted_as_by_hand() -> None:
    counts = ImageCounts([AGE, GENDER], ["age"])
    truth = {"age": np.array([0, 1, 2, 6, -1]), "gender": np.array([0, 0, 1, -1, -1])}
    # right, one off, two off, wrong by five; the fifth is not known
    answers = {"age": one_hot([0, 2, 4, 1, 3], 7), "gender": one_hot([0, 1, 1, 0, 0], 2)}
    counts.add(truth, answers)
    age, gender = counts.scores()
    assert age.images == 4 and age.top1 == 0.25 and age.one_off == 0.5 and age.micro_f1 == 0.25
    # behind the likeliest class all are equal, and the first four of them count: e for c is 0 1 2 3, b for g is 0 2 3 4
    assert age.top5 == 0.75
    # F1: a 1; b, c, e, g have truth or answers and none right; d and f are in neither
    assert age.macro_f1 == pytest.approx(1 / 5)
    assert gender.top1 == pytest.approx(2 / 3) and gender.top5 == 1 and math.isnan(gender.one_off)
    assert gender.macro_f1 == pytest.approx(2 / 3)


def test_values_and_missing_answers() -> None:
    counts = ImageCounts([HEIGHT, GENDER])
    truth = {"height": np.array([1.0, 2.0, np.nan], np.float32), "gender": np.array([-1, -1, -1])}
    counts.add(truth, {"height": np.array([[2.0], [5.0], [9.0]]), "gender": one_hot([0, 0, 0], 2)})
    height, gender = counts.scores()
    assert height.images == 2 and height.mae == 2 and height.rmse == pytest.approx(math.sqrt(5))
    assert height.delta1 == 0
    assert gender.images == 0 and gender.figures() == {}


def test_counts_of_parts_add_up() -> None:
    rng = np.random.default_rng(0)
    truth = {"age": rng.integers(-1, 7, 30), "height": rng.random(30, np.float32)}
    answers = {"age": rng.random((30, 7)), "height": rng.random((30, 1))}
    whole = ImageCounts([AGE, HEIGHT])
    whole.add(truth, answers)
    total = ImageCounts([AGE, HEIGHT])
    for part in (slice(0, 11), slice(11, 30)):
        own = ImageCounts([AGE, HEIGHT])
        own.add({k: v[part] for k, v in truth.items()}, {k: v[part] for k, v in answers.items()})
        total.counts = total.counts + own.counts
    for one, other in zip(whole.scores(), total.scores(), strict=True):
        assert one.figures() == pytest.approx(other.figures())


def test_the_table_says_the_protocol() -> None:
    counts = ImageCounts([AGE, HEIGHT], ["age"])
    counts.add({"age": np.array([0]), "height": np.float32([1])}, {"age": one_hot([0], 7), "height": np.array([[3.0]])})
    card = Card(name="tiny", net="multitask", tasks=(AGE, HEIGHT))
    stated = Stated("faces", "fold 4", "the last step", card)
    found = image_evaluation(stated, counts.scores(), images=4, seen=seen(256, 224), seconds=1.0)
    text = str(found)
    for part in ("100.00", "top-1, %", "one-off, %", "height (m)", "fold 4", "224 x 224 px", "age 1, height 1", "last"):
        assert part in text
    told = json.loads(found.to_json())
    assert told["tasks"]["height"].items() >= {"images": 1, "mae": 2.0, "rmse": 2.0, "delta1": 0.0}.items()
    assert told["tasks"]["height"]["main"]["name"] == "RMSE" and told["protocol"]["split"] == "fold 4"
    assert told["scores"][0]["name"] == "age top-1" and "fold 4" in told["scores"][0]["protocol"]
