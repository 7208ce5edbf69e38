import pytest
from pydantic import ValidationError

from smalti.errors import RecipeError
from smalti.training.balance import BalanceSettings
from smalti.training.balance.fixed import Fixed


def test_without_settings_the_tasks_weights_count() -> None:
    assert isinstance(BalanceSettings().make({"a": 2.0}), Fixed)


def test_equal_is_fixed_of_tasks_without_weights() -> None:
    balance = BalanceSettings(name="equal").make({"a": 1.0, "b": 1.0})
    assert isinstance(balance, Fixed) and balance.weigh({"a": 3.0, "b": 4.0}) == {"a": 1, "b": 1}
    with pytest.raises(RecipeError, match="task b has a weight, but balance equal sets weights itself; use fixed"):
        BalanceSettings(name="equal").make({"a": 1.0, "b": 2.0})


def test_an_unknown_rule_is_told_with_those_that_there_are() -> None:
    with pytest.raises(
        ValidationError, match=r"unknown balance 'dwa2'; expected one of equal, fixed, .*, or torchjd:NAME"
    ):
        BalanceSettings(name="dwa2")


@pytest.mark.parametrize(("name", "key"), [("equal", "seed"), ("dwa", "alpha"), ("gradnorm", "temperature")])
def test_a_setting_of_another_rule_is_refused(name: str, key: str) -> None:
    with pytest.raises(ValidationError, match=f"{key} is not for balance {name}; leave it out"):
        BalanceSettings.model_validate({"name": name, key: 3})


def test_settings_that_were_written_down_are_read_again() -> None:
    settings = BalanceSettings(name="gradnorm", alpha=0.5)
    assert BalanceSettings.model_validate_json(settings.model_dump_json()) == settings


def test_weights_of_tasks_are_refused_where_the_rule_sets_them() -> None:
    with pytest.raises(
        RecipeError, match=r"balance\.name: task b has a weight, but balance dwa sets weights itself; use fixed"
    ):
        BalanceSettings(name="dwa").make({"a": 1.0, "b": 2.0})
