"""What counts as rounding, and what does not."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from smalti.errors import ExportError
from smalti.export.parity import LIMIT, MOST, SLACK, Comparison

INPUT = np.linspace(-3, 3, 4096, dtype=np.float32).reshape(1, 1, 64, 64)
NAME = "1x64x64 of noise"


class Amplifying(nn.Module):
    """Loses its last digits and makes what is left of them large: in float32 some 1e-3 from what it is in float64."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return (torch.sigmoid(x) / 2 + 20 * ((x + 300.0) - 300.0 - x),)


def by_another_order(x: np.ndarray) -> tuple[np.ndarray, ...]:
    """The same net as another engine may compute it."""
    one = np.float32(600)
    return (1 / (1 + np.exp(-x)) / 2 + np.float32(20) * ((x + one) - one - x),)


def test_a_graph_that_rounds_like_its_net_is_its_net() -> None:
    compare = Comparison(Amplifying(), by_another_order, "out.onnx")
    compare(NAME, INPUT)
    assert compare.difference >= LIMIT  # else this shows nothing
    assert LIMIT < compare.rounding < MOST


@pytest.mark.parametrize("error", [2 * SLACK * 3e-4, 2 * MOST, float("nan")])
def test_more_than_its_rounding_is_another_net(error: float) -> None:
    compare = Comparison(Amplifying(), lambda x: (by_another_order(x)[0] + np.float32(error),), "out.onnx")
    with pytest.raises(ExportError, match=r"out\.onnx: not written: at 1x64x64 of noise .* itself rounds by") as error_:
        compare(NAME, INPUT)
    assert "\n" not in str(error_.value)


@pytest.mark.parametrize("error", [1e-3, 1e-2, 0.05])
def test_an_answer_that_is_visibly_another_is_refused_whatever_the_limits_are_called(error: float) -> None:
    class Smooth(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            return (torch.sigmoid(x),)

    def graph(x: np.ndarray) -> tuple[np.ndarray, ...]:
        return (1 / (1 + np.exp(-x)) + np.float32(error),)

    with pytest.raises(ExportError, match="not written"):
        Comparison(Smooth(), graph, "out.onnx")(NAME, INPUT)
    if error >= 1e-2:
        with pytest.raises(ExportError, match="not written"):
            Comparison(Amplifying(), lambda x: (by_another_order(x)[0] + np.float32(error),), "out.onnx")(NAME, INPUT)


def test_no_rounding_excuses_a_large_difference() -> None:
    class Wild(Amplifying):
        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            return (torch.sigmoid(x) / 2 + 2000 * ((x + 300.0) - 300.0 - x),)

    def exact(x: np.ndarray) -> tuple[np.ndarray, ...]:
        return (1 / (1 + np.exp(-x.astype(np.float64))) / 2 + MOST * 1.5,)

    with pytest.raises(ExportError, match="train it longer"):
        Comparison(Wild(), exact, "out.onnx")(NAME, INPUT)


def test_a_difference_below_the_limit_costs_no_second_look() -> None:
    compare = Comparison(nn.Identity(), lambda x: (x,), "out.onnx")
    compare._net = lambda x: (x,)  # type: ignore[assignment]
    compare(NAME, INPUT)
    assert compare._exact is None and compare.rounding == 0


def test_another_shape_is_another_answer() -> None:
    with pytest.raises(ExportError, match="by inf"):
        Comparison(Amplifying(), lambda x: (x[..., :5],), "out.onnx")(NAME, INPUT)
