"""The card: round trip, refused contradictions."""

from typing import Any

import pytest
from pydantic import ValidationError

from smalti.card import UNLIKE, Card, Origin, Score, Task, Unlike
from smalti.errors import ModelError


def card(**changes: Any) -> Card:
    task = Task(
        name="landcover", labels=("land", "water"), colors=((1, 2, 3), (4, 5, 6)), label_colors={"#9B9B9B": 255}
    )
    values: dict[str, Any] = {"name": "tiny", "net": "ued", "tasks": (task,)} | changes
    return Card(**values)


def test_a_card_survives_its_text() -> None:
    origin = Origin(data=("drawn",), licence="CC0-1.0", scores=(Score(name="mIoU", value=0.5, protocol="tile 7"),))
    original = card(options={"encoder": "ghostnet", "width": 1.3}, resolution=(0.2, 0.5), nodata=0.0, origin=origin)
    assert Card.load(original.dump(), "tiny.onnx") == original


def unlike(**changes: Any) -> Unlike:
    values = {"maps": (0.5, -1.25), "classes": (0.1, 0.2), "entropy": 1.0, "confidence": -1.0, "bias": 0.0}
    return Unlike(**values | {"threshold": 0.25} | changes)


def test_what_is_unlike_the_training_is_a_further_output_where_the_card_has_it() -> None:
    original = card(unlike=unlike())
    assert Card.load(original.dump(), "tiny.onnx") == original and original.outputs == ("landcover", UNLIKE)
    assert card().outputs == ("landcover",) and "unlike" not in card().dump()


def test_numbers_of_unlike_that_contradict_the_card_are_refused() -> None:
    for changes, message in (({"classes": (1.0,)}, "factors of 1 classes"), ({"maps": (float("nan"),)}, "finite")):
        with pytest.raises(ValidationError, match=message):
            card(unlike=unlike(**changes))
    with pytest.raises(ValidationError, match="a task is called unlike"):
        card(unlike=unlike(), tasks=(Task(name="unlike", labels=("a", "b")),))


@pytest.mark.parametrize("labels", [("a", "b", "a"), ("a", "a "), ("caf\u00e9", "cafe\u0301")])
def test_a_class_has_a_name_of_its_own(labels: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="two classes have the name"):
        Task(name="cover", labels=labels)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "int32", "complex64"])
def test_a_card_takes_pixels_of_its_kind(dtype: str) -> None:
    assert [own for own in ("uint8", "uint16", "int16", "float32") if card(dtype=own).takes(dtype)] == {
        "uint8": ["uint8"],
        "uint16": ["uint16", "int16"],
        "float32": ["float32"],
    }.get(dtype, [])


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"name": 3}', card().dump().replace('"net"', '"nett"')])
def test_a_broken_card_is_one_line_that_names_the_file(text: str) -> None:
    with pytest.raises(ModelError, match=r"^tiny\.onnx: the model's card is not valid: .+") as caught:
        Card.load(text, "tiny.onnx")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"bands": ("red",)}, "1 bands but 3 means"),
        ({"std": (1.0, 0.0, 1.0)}, "above zero"),
        ({"scale": -1.0}, "above zero"),
        ({"mean": (0.0, float("nan"), 0.0)}, "finite"),
        ({"tile": 500}, "multiple of 32"),
        ({"overlap": 512}, "above overlap"),
        ({"tasks": ()}, "at least one task"),
        ({"tasks": (Task(name="a", kind="value"), Task(name="a", kind="value"))}, "same name"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        card(**changes)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({}, "needs labels"),
        ({"labels": ("a", "b"), "colors": ((0, 0, 0),)}, "2 labels but 1 colors"),
        ({"labels": ("a", "b"), "ignore": 1}, "also the id of a class"),
        ({"labels": ("a", "b"), "ignore": 300}, "ignore 300 is outside 0 to 255"),
        ({"labels": ("a", "b"), "ignore": -1}, "ignore -1 is outside 0 to 255"),
        ({"labels": ("a", "ignore")}, "'ignore' is not a valid class name"),
        ({"labels": (" ", "b")}, "' ' is not a valid class name"),
        ({"labels": ("a\x0bb", "b")}, r"the class name 'a\\x0bb' has a control character"),
        ({"labels": ("a", "b\nc")}, "has a control character"),
    ],
)
def test_contradictions_of_a_task_are_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Task(name="landcover", **changes)


def test_a_card_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        card().name = "other"  # type: ignore[misc]


def test_tasks_are_found_by_name() -> None:
    assert card().task("landcover").channels == 2
    assert Task(name="height", kind="value", unit="m").channels == 1
    with pytest.raises(ModelError, match="no task 'height', only landcover"):
        card().task("height")


def test_a_temperature_is_stored_where_it_was_measured() -> None:
    plain = Task(name="cover", labels=("a", "b"))
    assert "temperature" not in plain.model_dump_json()  # cards of earlier versions keep their bytes
    hot = plain.model_copy(update={"temperature": 1.5})
    assert Task.model_validate_json(hot.model_dump_json()) == hot
    for wrong in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="temperature"):
            Task(name="cover", labels=("a", "b"), temperature=wrong)
