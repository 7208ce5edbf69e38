import numpy as np
import pytest

from smalti.card import Task
from smalti.errors import OptionError
from smalti.lessons.classes import plan_classes

TASK = Task(
    name="cover", kind="classes", labels=("land", "water", "building"), colors=((1, 1, 1), (2, 2, 2), (3, 3, 3))
)
LOGITS = np.log(np.array([[0.5, 0.2, 0.3]], np.float32))


def _shares(wanted: dict[str, list[str]]) -> dict[str, float]:
    plan = plan_classes(TASK, wanted)
    return dict(zip(plan.task.labels, np.exp(plan.offsets(LOGITS))[0].tolist(), strict=True))


def test_classes_stay() -> None:
    plan = plan_classes(TASK, {})
    assert plan.same and plan.task.labels == TASK.labels and plan.task.colors == TASK.colors


def test_a_class_is_renamed_and_keeps_its_place() -> None:
    plan = plan_classes(TASK, {"sea": ["water"]})
    assert plan.same and plan.task.labels == ("land", "sea", "building")


def test_merged_classes_have_the_sum_of_their_probabilities() -> None:
    assert _shares({"open": ["land", "water"]}) == pytest.approx({"open": 0.7, "building": 0.3}, abs=1e-3)


def test_a_split_class_is_shared_at_first() -> None:
    assert _shares({"house": ["building"], "hall": ["building"]})["house"] == pytest.approx(0.15, abs=1e-3)


def test_a_new_class_is_improbable_at_first_and_has_a_color_of_its_own() -> None:
    plan = plan_classes(TASK, {"solar": []})
    assert plan.task.labels[-1] == "solar" and len(set(plan.task.colors)) == 4
    assert _shares({"solar": []})["solar"] == pytest.approx(0.02)


@pytest.mark.parametrize("wanted", [{"x": ["sea"]}, {"all": ["land", "water", "building"]}])
def test_contradictions_are_refused(wanted: dict[str, list[str]]) -> None:
    with pytest.raises(OptionError):
        plan_classes(TASK, wanted)


def test_colors_are_changed_by_name() -> None:
    plan = plan_classes(TASK, {"solar": []}).colored(
        {"solar": (9, 9, 9), "water": (7, 8, 9), "not yet painted": (5, 5, 5)}
    )
    assert plan.task.colors == ((1, 1, 1), (7, 8, 9), (3, 3, 3), (9, 9, 9))
    assert plan_classes(TASK, {}).colored({"not yet painted": (5, 5, 5)}).task.colors == TASK.colors


@pytest.mark.parametrize("name", ["", "ignore", "two\nlines", "a" * 101])
def test_names_that_cannot_be_are_refused(name: str) -> None:
    with pytest.raises(OptionError, match="expected up to 100 printable characters, but not `ignore`"):
        plan_classes(TASK, {name: []})
