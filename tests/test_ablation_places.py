"""The rows of the ablation over places left out are recipes that can be read, and differ in what they say."""

import runpy
from pathlib import Path
from typing import Any

import pytest

from smalti.training.kinds.pixels.settings import PixelRecipe
from smalti.training.recipe import read_pixels

ROOT = Path(__file__).resolve().parent.parent
RECIPE = ROOT / "recipes" / "landcover.toml"
MORE = """
[[data.train]]
kind = "drawn"
climate = "desert"
seeds = [9]
"""


@pytest.fixture
def ablation(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return runpy.run_path(str(ROOT / "benchmarks" / "ablation_places.py"))


def rows_of(ablation: dict[str, Any], recipe: Path) -> dict[str, PixelRecipe]:
    return {
        name: read_pixels(recipe, ablation["changes_of"](row, recipe, [], ["banepa-more"]))
        for name, row in ablation["ROWS"].items()
    }


def test_rows_differ_in_what_they_say(ablation: dict[str, Any], tmp_path: Path) -> None:
    recipe = tmp_path / "landcover.toml"
    recipe.write_text(RECIPE.read_text() + MORE)
    rows = rows_of(ablation, recipe)
    base = rows["base"]
    assert base.net.encoder == "efficientnet_lite0" and base.self_training is None and base.augment.style is None
    assert rows["mobilenetv2"].net.encoder == "mobilenetv2_tf" and rows["mobilenetv2"].card.mean[0] < 1
    assert not any(row.train.start for row in rows.values())
    assert rows["adabn"] == rows["mobilenetv2"]
    tasks = base.make_card("").tasks
    full = [source for source in base.data.train if not any(source.sets(tasks, "").values())]
    assert 0 < len(full) < len(base.data.train) and list(rows["no-partial"].data.train) == full
    assert len(rows["no-partial"].data.test) - len(base.data.test) == len(base.data.train) - len(full)
    drawn = [source for source in base.data.train if source.kind == "drawn" and source.scenery.style == "world"]
    assert drawn and list(rows["no-climates"].data.train) == [s for s in base.data.train if s not in drawn]
    unlabelled = rows["unlabelled"].self_training
    assert unlabelled is not None and unlabelled.partial == 0.5
    [source] = rows["unlabelled"].data.unlabelled
    assert source.place_of(tmp_path, tmp_path / "banepa-more" / "banepa.tif") == "banepa"
    kinds = [rows[f"style-{kind}"].augment.style for kind in ("statistics", "fourier")]
    assert [style and style.kind for style in kinds] == ["statistics", "fourier"]
    others = list(rows)[list(rows).index("unlabelled") :]
    assert {rows[name].net.encoder for name in others} == {"mobilenetv2_tf"}


def test_the_table_has_means_and_spreads(ablation: dict[str, Any]) -> None:
    runs = [{"rightness": 0.5, "mIoU": 0.25}, {"rightness": 0.7, "mIoU": 0.25}]
    lines = ablation["table"]({"base": runs})
    assert lines[-1].endswith("| 60.00 ± 14.14 | 25.00 ± 0.00 |")
