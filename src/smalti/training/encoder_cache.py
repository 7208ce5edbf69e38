"""A cache of a frozen encoder's maps by picture: a repeated picture costs nothing."""

import hashlib
from collections.abc import Callable

import torch
from torch import Tensor, nn


def cache_maps(encoder: nn.Module, budget: int) -> None:
    """Caches a frozen encoder's maps, as many as fit into `budget` bytes; no gradient passes through it.

    Pictures go through the encoder one by one and maps are rounded to half precision, whether they are kept or not,
    so that the output never depends on earlier inputs. Copies of the encoder share the cache. The shallowest map, the
    largest, is returned empty: rankers do not use it.
    """
    fresh = encoder.forward
    kept = _Maps(budget)

    def looked(picture: Tensor) -> list[Tensor]:
        encoder.eval()
        return [tap[0].half().cpu().contiguous() for tap in fresh(picture[None])[1:]]

    @torch.no_grad()
    def forward(x: Tensor) -> list[Tensor]:
        found = [kept.take(picture, looked) for picture in x]
        return [x.new_empty(0), *(torch.stack(tap).to(x.device, x.dtype) for tap in zip(*found, strict=True))]

    encoder.forward = forward


class _Maps:
    """Maps by picture, in one block: many small ones, between what each step frees, would fragment the memory."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._rows: dict[bytes, int] = {}
        self._block = torch.empty(0, 0, dtype=torch.half)
        self._shapes: list[torch.Size] = []

    def take(self, picture: Tensor, look: Callable[[Tensor], list[Tensor]]) -> list[Tensor]:
        key = hashlib.blake2b(picture.cpu().contiguous().numpy().data, digest_size=16).digest()
        if key not in self._rows:
            maps = look(picture)
            if not self._shapes:
                self._reserve(maps)
            if len(self._rows) == len(self._block):
                return maps
            torch.cat([tap.flatten() for tap in maps], out=self._block[len(self._rows)])
            self._rows[key] = len(self._rows)
        parts = torch.split(self._block[self._rows[key]], [shape.numel() for shape in self._shapes])
        return [part.view(shape) for part, shape in zip(parts, self._shapes, strict=True)]

    def _reserve(self, maps: list[Tensor]) -> None:
        """Allocates the block; pages that are not written to take no memory yet."""
        self._shapes = [tap.shape for tap in maps]
        numbers = sum(tap.numel() for tap in maps)
        self._block = torch.empty(self._budget // (2 * numbers), numbers, dtype=torch.half)
