import sys
from argparse import Namespace
from pathlib import Path

import pytest
from training_speed import CASES, Case, _line, _own, measure, multiplies_bf16

from tests.training.tiny import write_tiny


def child(*lines: str) -> list[str]:
    answers = "; ".join(f"input(); print({line})" for line in lines)
    return [sys.executable, "-c", f"print([], flush=True); {answers}"]


def test_a_case_keeps_its_fastest_block_and_its_last_loss() -> None:
    case = Case("way", child("'noise'); print([0.5, 0.8, 2.0], flush=True", "[0.4, 0.9, 1.5], flush=True"))
    assert not case.start()
    case.block()
    case.block()
    case.end()
    assert _line("own", case, case) == "| `own` | way | 0.400 | 0.800 | 1.00 | 1.5000 |"


def test_changes_with_a_name_are_for_that_recipe() -> None:
    changes = ["data.root=a:b", "town:train.start=x", "other:train.start=y"]
    assert list(_own(changes, "town")) == ["data.root=a:b", "train.start=x"]


@pytest.mark.slow
def test_a_recipe_is_trained_in_all_cases_with_nearly_equal_losses(tmp_path: Path) -> None:
    options = Namespace(changes=[], old=None, steps=2, rounds=1)
    lines = [line.split("|") for line in measure(write_tiny(tmp_path), options)]
    assert len(lines) == len(CASES) - (not multiplies_bf16())
    losses = [float(line[6]) for line in lines]
    assert losses == pytest.approx([losses[0]] * len(losses), rel=0.05)


def test_a_recipe_without_data_is_skipped_with_a_line(tmp_path: Path) -> None:
    recipe = write_tiny(tmp_path)
    options = Namespace(changes=["data.root=nowhere"], old=None, steps=1, rounds=1)
    [line] = measure(recipe, options)
    assert line.startswith("| `tiny` | skipped: ") and "nowhere" in line
