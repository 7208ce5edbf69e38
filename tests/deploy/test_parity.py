"""What counts as rounding, and what does not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from smalti.deploy import parity
from smalti.deploy.parity import LIMIT, MOST, SLACK, GraphComparison, Parity, blobs, check_parity, noise
from smalti.errors import ExportError
from smalti.runtime.models import verify
from tests.tiny import SHARPNESS, tiny_card, tiny_model

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
    compare = GraphComparison(Amplifying(), by_another_order, "out.onnx")
    compare(NAME, INPUT)
    assert compare.difference >= LIMIT  # else this shows nothing
    assert LIMIT < compare.rounding < MOST


@pytest.mark.parametrize("error", [2 * SLACK * 3e-4, 2 * MOST, float("nan")])
def test_more_than_its_rounding_is_another_net(error: float) -> None:
    compare = GraphComparison(Amplifying(), lambda x: (by_another_order(x)[0] + np.float32(error),), "out.onnx")
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
        GraphComparison(Smooth(), graph, "out.onnx")(NAME, INPUT)
    if error >= 1e-2:
        with pytest.raises(ExportError, match="not written"):
            GraphComparison(Amplifying(), lambda x: (by_another_order(x)[0] + np.float32(error),), "out.onnx")(
                NAME, INPUT
            )


def test_no_rounding_excuses_a_large_difference() -> None:
    class Wild(Amplifying):
        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            return (torch.sigmoid(x) / 2 + 2000 * ((x + 300.0) - 300.0 - x),)

    def exact(x: np.ndarray) -> tuple[np.ndarray, ...]:
        return (1 / (1 + np.exp(-x.astype(np.float64))) / 2 + MOST * 1.5,)

    with pytest.raises(ExportError, match="train it longer"):
        GraphComparison(Wild(), exact, "out.onnx")(NAME, INPUT)
    for error, excused in ((4e-3, True), (6e-3, False)):
        compare = GraphComparison(Wild(), lambda x, error=error: (exact(x)[0] - MOST * 1.5 + error,), "out.onnx")
        if excused:
            compare(NAME, INPUT)
        else:
            with pytest.raises(ExportError, match="train it longer"):
                compare(NAME, INPUT)


def test_a_difference_below_the_limit_costs_no_second_look() -> None:
    compare = GraphComparison(nn.Identity(), lambda x: (x,), "out.onnx")
    compare._net = lambda x: (x,)  # type: ignore[assignment]
    compare(NAME, INPUT)
    assert compare._exact is None and compare.rounding == 0


def of_amplifying(error: float) -> GraphComparison:
    """Compares `Amplifying` with what it is in float64, and an error."""

    def graph(x: np.ndarray) -> tuple[np.ndarray, ...]:
        return (1 / (1 + np.exp(-x.astype(np.float64))) / 2 + error,)

    return GraphComparison(Amplifying(), graph, "out.onnx")


def test_four_times_the_nets_own_rounding_is_excused_and_no_more() -> None:
    compare = of_amplifying(0.0)
    compare(NAME, INPUT)
    assert 2e-4 < compare.rounding < 8e-4  # between the two other limits
    of_amplifying(3.5 * compare.rounding)(NAME, INPUT)
    with pytest.raises(ExportError, match="not written"):
        of_amplifying(4.5 * compare.rounding)(NAME, INPUT)


def test_a_difference_at_the_limit_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Same(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            return (x,)

    monkeypatch.setattr(parity, "LIMIT", 2**-10)
    ones = np.zeros((1, 1, 2, 2), np.float32)
    compare = GraphComparison(Same(), lambda x: (x + np.float32(2**-11),), "out.onnx")
    compare(NAME, ones)
    assert (compare.difference, compare.rounding) == (2**-11, 0)
    with pytest.raises(ExportError, match="not written"):
        GraphComparison(Same(), lambda x: (x + np.float32(2**-10),), "out.onnx")(NAME, ones)


def test_large_values_may_differ_by_as_much_in_proportion() -> None:
    class Hundredfold(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            return (100 * x.abs(),)  # 0 to 300

    compare = GraphComparison(Hundredfold(), lambda x: (100 * np.abs(x) + np.float32(0.015),), "out.onnx")
    compare(NAME, INPUT)
    assert compare.difference == pytest.approx(5e-5, rel=0.01) and compare.rounding == 0
    assert Parity(0.0, ()).rounding == 0
    with pytest.raises(ExportError, match="not written"):
        GraphComparison(Hundredfold(), lambda x: (100 * np.abs(x) + np.float32(0.06),), "out.onnx")(NAME, INPUT)


@pytest.mark.parametrize("wrong", [0, 1])
def test_every_answer_is_compared(wrong: int) -> None:
    class Two(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            return x, x

    def graph(x: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(x + np.float32(0.5 * (number == wrong)) for number in range(2))

    with pytest.raises(ExportError, match="not written"):
        GraphComparison(Two(), graph, "out.onnx")(NAME, INPUT)


class Brightest(nn.Module):
    """What the tiny model answers; something else for what `wrong` picks out."""

    def __init__(self, wrong: Callable[[Tensor], bool]) -> None:
        super().__init__()
        self.wrong, self.seen = wrong, list[tuple[int, ...]]()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        self.seen.append(tuple(x.shape))
        answer = (SHARPNESS * x / 255).softmax(1)
        return (answer.flip(1) if self.wrong(x) else answer,)


SHAPES = ((1, 256, 256), (1, 320, 192), (1, 416, 512), (1, 203, 331), (3, 203, 331))


def even(x: Tensor) -> bool:
    """Whether neighbours are alike, as in an image and not in noise."""
    return bool((x[..., 1:] - x[..., :-1]).abs().mean() < 0.3 * x.std())


def test_a_file_is_compared_at_every_shape_with_noise_and_with_images(tmp_path: Path) -> None:
    model, net = verify(tiny_model(tmp_path / "tiny.onnx")), Brightest(lambda x: False)
    found = check_parity(net, model)
    assert found.shapes == SHAPES and 0 < found.difference < 1e-4 and found.rounding == 0
    assert [(n, h, w) for n, _, h, w in net.seen] == [shape for shape in SHAPES for _ in range(2)]
    for wrong in (
        lambda x: tuple(x.shape) == (3, 3, 203, 331),
        lambda x: tuple(x.shape) == (1, 3, 416, 512),
        even,
        lambda x: not even(x),
    ):
        with pytest.raises(ExportError, match="not written"):
            check_parity(Brightest(wrong), model)


@pytest.mark.parametrize("make", [noise, blobs])
@pytest.mark.parametrize(
    ("dtype", "scale", "most"), [("uint8", 1 / 255, 255), ("uint16", 1e-4, 65535), ("float32", 1, 9)]
)
def test_what_is_given_is_raw_pixels_spread_as_the_card_says(make: Any, dtype: str, scale: float, most: float) -> None:
    card = tiny_card(dtype=dtype, scale=scale, mean=(0.3, 0.5, 0.6), std=(0.1, 0.05, 0.2))
    pixels = make(card, (2, 96, 120), np.random.default_rng(0))
    assert pixels.shape == (2, 3, 96, 120) and pixels.dtype == dtype and pixels.max() <= most
    normalised = (pixels * card.scale - np.array(card.mean)[:, None, None]) / np.array(card.std)[:, None, None]
    spread = {noise: 0.5, blobs: 1.16}[make]  # blobs: of patches 1, of the slope 0.58, of the noise 0.1
    assert normalised.std((0, 2, 3)) == pytest.approx([spread] * 3, rel=0.25)
    assert normalised.mean((0, 2, 3)) == pytest.approx([0] * 3, abs=0.35)


def test_pixels_that_bytes_cannot_hold_are_cut_off() -> None:
    card = tiny_card(mean=(0.0, 0.5, 1.0), std=(1.0, 1.0, 1.0))
    pixels = noise(card, (1, 64, 64), np.random.default_rng(0))
    assert (pixels[0, 0].min(), pixels[0, 0].max(), pixels[0, 2].min(), pixels[0, 2].max()) == (0, 255, 0, 255)
    assert 0.4 < (pixels[0, 0] == 0).mean() < 0.6 and 0.4 < (pixels[0, 2] == 255).mean() < 0.6


def test_images_are_patches_under_a_slope_of_light() -> None:
    card = tiny_card(dtype="float32", scale=1.0)
    image = blobs(card, (2, 60, 100), np.random.default_rng(0))
    light = np.linspace(-1, 1, 100)
    flat = image - light
    for row, col in ((0, 0), (0, 24), (24, 0), (24, 72)):
        patch = flat[0, 0, row : row + 24, col : col + 24]
        assert patch.std() == pytest.approx(0.1, rel=0.15)  # the noise in a patch
    means = [
        flat[n, c, r : r + 12, k : k + 24].mean() for n in (0, 1) for c in (0, 1) for r in (0, 24, 48) for k in (0, 24)
    ]
    assert np.std(means) == pytest.approx(1, rel=0.35) and len(set(means)) == 24


def test_another_shape_is_another_answer() -> None:
    with pytest.raises(ExportError, match="by inf"):
        GraphComparison(Amplifying(), lambda x: (x[..., :5],), "out.onnx")(NAME, INPUT)
