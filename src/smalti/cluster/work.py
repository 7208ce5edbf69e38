"""What happens in a worker: one call at a time, in the folder of the client; errors and warnings are returned."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from smalti.errors import ClusterError, InputError, SmaltiError, SmaltiWarning, heard

_one_at_a_time = threading.Lock()
"""The current folder and the filters of warnings belong to the process; the cores are the engine's."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one call."""

    result: Any
    """The function's result, or the SmaltiError that it raised."""
    warnings: tuple[SmaltiWarning, ...]
    worker: str
    """The address of the worker."""


def call(function: Callable[[Any], Any], argument: Any, folder: str) -> Reply:
    """Calls a function in a folder."""
    found: list[SmaltiWarning] = []
    with _one_at_a_time, heard(found.append):
        return Reply(_result(function, argument, folder), tuple(found), _address())


def _result(function: Callable[[Any], Any], argument: Any, folder: str) -> Any:
    try:
        with _inside(folder):
            return function(argument)
    except SmaltiError as error:
        return error
    except MemoryError as error:
        why = f" ({error})" if str(error) else ""
        return InputError(f"not enough memory on worker {_address()}{why}; use smaller tiles, or another machine")


@contextlib.contextmanager
def _inside(folder: str) -> Iterator[None]:
    try:
        inside = contextlib.chdir(folder)
        inside.__enter__()
    except OSError as error:
        why = (error.strerror or "unknown reason").lower()
        text = f"worker {_address()}: {folder}: {why}; run workers where they see the same folders as you"
        raise ClusterError(text) from None
    with contextlib.ExitStack() as stack:
        stack.push(inside)
        yield


def _address() -> str:
    from distributed import get_worker

    return str(get_worker().address)
