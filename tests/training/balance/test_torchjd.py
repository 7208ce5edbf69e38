import sys

import pytest
import torch

from smalti.errors import DivergedError, MissingExtraError, RecipeError
from smalti.training.balance import Balance, BalanceSettings
from tests.training.balance.two import WEIGHTS, Two

pytest.importorskip("torchjd")


def make(name: str, **options: float) -> Balance:
    return BalanceSettings(name=f"torchjd:{name}", options=options).make(WEIGHTS)


def test_upgrad_projects_each_gradient_and_takes_the_mean() -> None:
    # What points against no task is the quarter between (0, 1), across a, and (1, 1), across b. The nearest there to
    # a = (2, 0) is (1, 1) and to b = (-3, 3) is (0, 3), so the mean is (1, 4) / 2.
    two = Two()
    weights = two.pull(make("UPGrad"))
    assert two.gradient() == pytest.approx([0.5, 2, 1, 1], abs=2e-3)
    assert weights == pytest.approx({"a": 1.25, "b": 2 / 3}, abs=2e-3)


def test_cagrad_stays_near_the_mean() -> None:
    pytest.importorskip("cvxpy")
    two = Two()
    two.pull(make("CAGrad", c=0.5))
    mean = torch.tensor([-0.5, 1.5])
    step = torch.tensor(two.gradient()[:2])
    # At most c |mean| away from the mean, and for the worst task better than the mean itself.
    assert (step - mean).norm().item() == pytest.approx(0.5 * mean.norm().item(), rel=0.01)
    rows = torch.tensor([[2.0, 0.0], [-3.0, 3.0]])
    assert (rows @ step).min() > (rows @ mean).min()


def test_an_aggregator_without_weights_answers_none() -> None:
    two = Two()
    assert two.pull(make("ConFIG")) == {}
    # The direction has the same cosine to (1, 0) and to (-1, 1) / sqrt 2.
    x, y = two.gradient()[:2]
    assert x == pytest.approx((y - x) / 2**0.5, rel=1e-4) and x > 0


def test_what_is_drawn_goes_on_identically_and_leaves_the_rest_of_chance_alone() -> None:
    state = torch.get_rng_state()
    first, resumed = make("Random"), make("Random")
    drawn = [Two().pull(first) for _ in range(3)]
    resumed.load_state_dict({"batches": 1})
    assert [Two().pull(resumed) for _ in range(2)] == drawn[1:]
    assert drawn[0] != drawn[1] and torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("UpGrad", {}, "TorchJD has no aggregator 'UpGrad'; it has AlignedMTL"),
        ("Weighting", {}, "no aggregator 'Weighting'"),
        ("CAGrad", {}, "are invalid for torchjd:CAGrad: .*missing.*'c'"),
        ("UPGrad", {"c": 1.0}, "are invalid for torchjd:UPGrad: .*unexpected.*'c'"),
        ("GradVac", {}, "torchjd:GradVac has a state that cannot be resumed"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(name: str, options: dict[str, float], message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        make(name, **options)
    assert "\n" not in str(caught.value)


def test_gradients_without_an_answer_end_the_training() -> None:
    two = Two()
    with pytest.raises(DivergedError, match=r"torchjd:Krum: failed for these gradients: .*; lower optim\.lr"):
        two.pull(make("Krum", n_byzantine=1))  # wants more rows than two


def test_where_it_is_missing_the_line_that_brings_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchjd", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'smalti\[balance\]'"):
        make("UPGrad")


def test_where_a_solver_is_missing_its_own_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import torchjd._mixins

    monkeypatch.setattr(torchjd._mixins, "find_spec", lambda name: None)
    with pytest.raises(RecipeError, match=r'pip install "torchjd\[cagrad\]"'):
        make("CAGrad", c=0.5)
