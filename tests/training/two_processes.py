"""Runs a test's function in two processes that find each other over the loopback."""

import os
import socket
from collections.abc import Callable
from typing import Any

import torch
import torch.multiprocessing


def run_in_two(function: Callable[..., None], *arguments: Any) -> None:
    """Calls the function, which must be importable, with these arguments in two processes of one thread each."""
    with socket.socket() as held:  # so that nobody else is given the port; who wants to reuse it may listen there
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        torch.multiprocessing.spawn(_process, (held.getsockname()[1], function, arguments), nprocs=2)


def _process(rank: int, port: int, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    os.environ |= {"LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    function(*arguments)
