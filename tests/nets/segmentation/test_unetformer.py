import pytest
import torch
from torch import Tensor

from smalti.nets.build import NETS
from smalti.nets.segmentation.unetformer import CHANNELS, HEADS, WINDOW, WindowAttention
from tests.nets.contract import NetContract
from tests.nets.segmentation.published import giga, parameters


class TestUNetFormer(NetContract):
    make = staticmethod(NETS["unetformer"])


def test_size_and_cost_are_the_published_ones() -> None:
    # The paper's tables for ResNet-18: 11.7 M parameters, 11.7 G at 512x512, and 46.9 G at 1024x1024 with LoveDA's 7
    # classes; without the auxiliary head.
    net = NETS["unetformer"](classes=6)
    assert parameters(net) == 11_687_518
    assert giga(net, 512, 512) == pytest.approx(11.7, rel=0.005)
    assert giga(NETS["unetformer"](classes=7), 1024, 1024) == pytest.approx(46.9, rel=0.005)


def by_hand(attention: WindowAttention, x: Tensor) -> Tensor:
    """Window by window, head by head, pixel by pixel; windows end where the map ends."""
    channels = CHANNELS // HEADS
    whole = attention.query_key_value(x)
    out = torch.zeros_like(x)
    for n, top, left in torch.cartesian_prod(
        *(
            torch.arange(0, size, step)
            for size, step in zip((x.shape[0], *x.shape[2:]), (1, WINDOW, WINDOW), strict=True)
        )
    ).tolist():
        window = whole[n, :, top : top + WINDOW, left : left + WINDOW]
        height, width = window.shape[1:]
        place = torch.cartesian_prod(torch.arange(height), torch.arange(width))
        query, key, value = window.reshape(3, HEADS, channels, height * width)
        for head in range(HEADS):
            table = attention.preference[head].view(2 * WINDOW - 1, 2 * WINDOW - 1)
            apart = place[:, None] - place[None] + WINDOW - 1
            scores = query[head].T @ key[head] / channels**0.5 + table[apart[..., 0], apart[..., 1]]
            found = value[head] @ scores.softmax(1).T
            part = slice(head * channels, (head + 1) * channels)
            out[n, part, top : top + height, left : left + width] = found.view(channels, height, width)
    return out


@pytest.mark.parametrize("size", [(8, 16), (13, 5), (1, 9)])
def test_windows_look_at_the_map_and_at_nothing_beyond(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    attention = WindowAttention(CHANNELS)
    attention.preference.data.normal_()
    with torch.no_grad():
        x = torch.randn(2, CHANNELS, *size)
        torch.testing.assert_close(attention(x), by_hand(attention, x), atol=1e-5, rtol=1e-4)
