from pathlib import Path

import pytest

from smalti.errors import RecipeError
from smalti.training.sweep import plan, read_scores, score_table, write_scores


def test_every_variant_meets_every_seed() -> None:
    planned = plan(["net.name=ued,augment.scale=[1,2]", "net.name=ued_bes"], [0, 1])
    assert [variant.name for variant in planned] == [
        "name-ued_scale-1-2_seed-0",
        "name-ued_scale-1-2_seed-1",
        "name-ued_bes_seed-0",
        "name-ued_bes_seed-1",
    ]
    assert planned[1].changes == ("net.name=ued", "augment.scale=[1,2]", "train.seed=1")
    assert [variant.changes for variant in plan([], [7])] == [("train.seed=7",)]
    assert [variant.changes for variant in plan(["a.b=c"], [])] == [("a.b=c",)]


def test_two_of_the_same_name_are_refused() -> None:
    with pytest.raises(RecipeError, match="two trainings would have the name seed-1"):
        plan([], [1, 1])


def test_scores_are_those_of_the_recipe_that_made_them(tmp_path: Path) -> None:
    write_scores(tmp_path, '{"train": 1}', {"test/miou": 0.5, "test/mf1": float("nan")})
    assert read_scores(tmp_path, '{"train": 1}') == {"test/miou": 0.5}
    assert read_scores(tmp_path, '{"train": 2}') is None
    assert read_scores(tmp_path / "nothing", "{}") is None
    (tmp_path / "scores.json").write_text("[1]")
    assert read_scores(tmp_path, "{}") is None


def test_the_table_has_means_and_their_spread() -> None:
    one, two, other = plan(["net.name=a"], [0, 1]) + plan(["net.name=b"], [])
    rows = [(one, {"test/miou": 0.5}), (two, {"test/miou": 0.7}), (other, {"validation/miou": 0.25})]
    assert score_table(rows).splitlines() == [
        "variant     seeds  test/miou        validation/miou",
        "net.name=a  2      0.6000 ± 0.1414  -",
        "net.name=b  1      -                0.2500",
    ]
