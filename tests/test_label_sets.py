import numpy as np
import pytest

from smalti.card import Card, Task
from smalti.errors import LabelError
from smalti.label_sets import allowed_table, id_of, is_right, set_ids, with_sets, words

TASK = Task(name="cover", labels=("land", "water", "building", "road"))
SETS = with_sets(TASK, [(3, 0), (0, 1, 3), (0, 3)])


def test_sets_have_ids_beside_those_of_the_classes_in_one_order() -> None:
    assert SETS.sets == ((0, 1, 3), (0, 3))
    assert set_ids(SETS) == {4: (0, 1, 3), 5: (0, 3)}
    assert with_sets(TASK, [(0, 3), (0, 1, 3)]) == SETS
    ignored = with_sets(TASK.model_copy(update={"ignore": 4}), SETS.sets)
    assert set_ids(ignored) == {5: (0, 1, 3), 6: (0, 3)}


def test_one_class_is_that_class_and_all_classes_say_nothing() -> None:
    assert with_sets(TASK, [(2,), (0, 1, 2, 3)]) is TASK
    assert id_of(TASK, (2,)) == 2
    assert id_of(TASK, (0, 1, 2, 3)) == TASK.ignore
    assert id_of(SETS, (3, 0)) == 5
    with pytest.raises(ValueError, match=r"no set \(1, 2\)"):
        id_of(SETS, (1, 2))


def test_more_sets_than_ids_are_told() -> None:
    many = Task(name="many", labels=tuple(map(str, range(200))))
    with pytest.raises(LabelError, match="labels have 100 sets of classes; 55 is the most beside 200 classes"):
        with_sets(many, [(k, k + 1) for k in range(100)])


def test_a_card_stores_no_sets() -> None:
    plain, open_ = (Card(name="t", net="ued", tasks=(task,)).dump() for task in (TASK, SETS))
    assert plain == open_


def test_what_each_id_allows() -> None:
    table = allowed_table(SETS)
    assert table.shape == (256, 4)
    assert np.flatnonzero(table[4]).tolist() == [0, 1, 3]
    assert np.array_equal(table[:4], np.eye(4, dtype=bool))
    assert not table[6:].any()


def test_a_class_is_right_where_the_label_allows_it() -> None:
    truth = np.array([[0, 0, 4, 4, 5, 5]], np.uint8)
    found = np.array([[0, 1, 1, 2, 3, 1]], np.uint8)
    assert is_right(truth, found, set_ids(SETS)).tolist() == [[True, False, True, False, True, False]]


def test_sets_in_words() -> None:
    assert words(TASK.labels, (0, 1, 3)) == "not building"
    assert words(TASK.labels, (0, 3)) == "land or road"
