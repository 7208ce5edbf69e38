import copy

import torch

from smalti.nets.backbones import make_backbone
from smalti.training.encoder_cache import cache_maps


def test_a_picture_goes_through_the_encoder_once() -> None:
    encoder = make_backbone("mobilenetv2", 3, 0.25)
    expected = copy.deepcopy(encoder).eval()
    seen: list[int] = []
    encoder.stages[0].register_forward_hook(lambda *args: seen.append(len(args[1][0])))
    cache_maps(encoder, 10**8)
    pictures = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    first = encoder(pictures)
    again = copy.deepcopy(encoder)(pictures.flip(0))  # as the mean of the weights does
    assert seen == [1, 1, 1] and not first[0].numel() and not first[1].requires_grad
    with torch.no_grad():
        for tap, once_more, wanted in zip(first[1:], again[1:], expected(pictures)[1:], strict=True):
            assert torch.equal(tap, once_more.flip(0))
            torch.testing.assert_close(tap, wanted, atol=1e-2, rtol=1e-2)


def test_what_does_not_fit_is_computed_again() -> None:
    encoder = make_backbone("mobilenetv2", 3, 0.25)
    seen: list[int] = []
    encoder.stages[0].register_forward_hook(lambda *args: seen.append(1))
    cache_maps(encoder, 0)
    picture = torch.zeros(1, 3, 64, 64)
    assert torch.equal(encoder(picture)[1], encoder(picture)[1]) and len(seen) == 2
