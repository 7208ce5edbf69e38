"""A frozen encoder's maps, kept by the picture that they were made of: a picture that comes again costs nothing."""

import hashlib

import torch
from torch import Tensor, nn


def remember(encoder: nn.Module, budget: int) -> None:
    """Lets a frozen encoder answer from memory, as much of it as fits into `budget` bytes; no gradient passes it.

    Pictures go through the encoder one by one and maps are rounded to half precision, whether they are kept or not,
    so that an answer never depends on what was seen before. Copies of the encoder share the memory. The shallowest map,
    the largest, is answered empty: rankers do not look at it.
    """
    kept: dict[bytes, list[Tensor]] = {}
    left = budget
    fresh = encoder.forward

    @torch.no_grad()
    def forward(x: Tensor) -> list[Tensor]:
        nonlocal left
        found = []
        for picture in x:
            key = hashlib.blake2b(picture.cpu().contiguous().numpy().data, digest_size=16).digest()
            maps = kept.get(key)
            if maps is None:
                encoder.eval()
                maps = [tap[0].half().cpu() for tap in fresh(picture[None])[1:]]
                size = sum(tap.nbytes for tap in maps)
                if size <= left:
                    kept[key], left = maps, left - size
            found.append(maps)
        return [x.new_empty(0), *(torch.stack(tap).to(x.device, x.dtype) for tap in zip(*found, strict=True))]

    encoder.forward = forward
