"""Random numbers for one thread that leave torch's generator, which all threads share, as it is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_RANDOM: frozenset[Callable[..., Any]] = frozenset(
    (
        torch.bernoulli, torch.multinomial, torch.normal, torch.rand, torch.randint, torch.randn, torch.randperm,
        Tensor.bernoulli, Tensor.bernoulli_, Tensor.cauchy_, Tensor.exponential_, Tensor.geometric_, Tensor.log_normal_,
        Tensor.multinomial, Tensor.normal_, Tensor.random_, Tensor.uniform_,
        nn.init.kaiming_uniform_, nn.init.normal_, nn.init.uniform_,
    )
)  # fmt: skip
"""Functions that take a `generator`."""


class _Own(TorchFunctionMode):
    """Hands a generator to each function that draws without one, in this thread only."""

    def __init__(self) -> None:
        super().__init__()
        self._generator = torch.Generator()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs or {})
        if func in _RANDOM and named.get("generator") is None:
            named["generator"] = self._generator
        return func(*args, **named)


@contextmanager
def own_random() -> Iterator[None]:
    """Within it, nets built in this thread on the CPU get their weights from a generator of their own."""
    with torch.device("cpu"), _Own():
        yield
