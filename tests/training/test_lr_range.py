from pathlib import Path

import numpy as np
import pytest

from smalti.report.lr_range_page import write_lr_range_page
from smalti.training import lr_range
from smalti.training.loop import begin
from smalti.training.recipe import read_recipe
from tests.training.tiny import write_tiny


def test_the_suggestion_lies_where_the_loss_falls_fastest() -> None:
    rates = np.geomspace(1e-6, 10, 100)
    power = np.log10(rates)
    losses = 1 - 1 / (1 + np.exp(-4 * (power + 3))) + np.exp(3 * (power - 0.5))  # falls at 1e-3, runs away at 3
    found = lr_range.analyse(rates, losses)
    assert found.suggestion is not None and np.log10(found.suggestion) == pytest.approx(-3, abs=0.1)
    assert found.lines()[-1].startswith("suggested: optim.lr=")
    assert lr_range.table(found).splitlines()[:2] == [
        "rate,loss,smoothed",
        f"1e-06,{losses[0]:.6g},{found.smooth[0]:.6g}",
    ]


@pytest.mark.parametrize("losses", [[1.0], list(np.linspace(1, 2, 50))])
def test_a_loss_that_never_falls_has_no_suggestion(losses: list[float]) -> None:
    found = lr_range.analyse(np.geomspace(1e-6, 1, len(losses)), np.array(losses))
    assert found.suggestion is None and "never falls" in found.lines()[-1]


def test_a_loss_that_is_no_number_at_once_is_told() -> None:
    found = lr_range.analyse(np.array([]), np.array([]))
    assert found.suggestion is None and "not finite even at the lowest rate" in found.lines()[0]


def test_rates_rise_and_nothing_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lr_range, "STEPS", 6)
    recipe = read_recipe(write_tiny(tmp_path))
    training = begin(recipe, recipe.make_card(""), tmp_path / "run", fresh=True)
    found = lr_range.find_rate(training, lambda text: None)
    assert found.rates.tolist() == pytest.approx([10.0**power for power in np.linspace(-6, 1, 6)][: len(found.rates)])
    assert len(found.losses) == len(found.rates) > 2 and np.isfinite(found.losses).all()
    assert not (tmp_path / "run").exists()
    page = tmp_path / "page.html"
    write_lr_range_page(page, "tiny", found.rates, found.losses, found.smooth, found.lines())
    assert "<polyline" in page.read_text() and found.lines()[-1].split(",")[0] in page.read_text()
