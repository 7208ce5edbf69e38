"""Several processes that train one model: each takes its share of every batch, the gradients are those of one process.

The gradients of a loss over the whole batch (class weights, overlap, hardest pixels) are not the mean of the
processes' own. So every process gathers the outputs of all, computes the one loss, and propagates it back through its
own share; the mean over processes, times their number, is then the gradient that one process would have.
"""

import atexit
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
import torch.distributed as dist
from torch import Tensor, nn

from smalti.errors import RecipeError
from smalti.training.settings import TrainSettings


@dataclass(frozen=True)
class Team:
    """One of `size` processes, the first has rank 0. What `gather` and `sum` return is the same in all of them."""

    rank: int = 0
    size: int = 1
    device: str | torch.device = "cpu"

    def share(self, count: int) -> range:
        """The indices of this process's share of a batch of `count`, a multiple of the size."""
        each = count // self.size
        return range(self.rank * each, (self.rank + 1) * each)

    def gather(self, part: Tensor) -> Tensor:
        """All parts joined along the first axis, in order of rank; only this process's own has a gradient."""
        if self.size == 1:
            return part
        plain = part.detach().to(torch.uint8) if part.dtype == torch.bool else part.detach()
        parts = [torch.empty_like(plain, memory_format=torch.contiguous_format) for _ in range(self.size)]
        dist.all_gather(parts, plain.contiguous())
        parts = [other.to(part.dtype) for other in parts]
        parts[self.rank] = part
        return torch.cat(parts)

    def sum(self, counts: Tensor) -> Tensor:
        """The sum over all processes, on the CPU."""
        if self.size == 1:
            return counts
        total = counts.to(self.device)
        dist.all_reduce(total)
        return total.cpu()

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Averages each tensor over all processes, in place; all have the same ones. One exchange for all."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(flat)
        for tensor, part in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor) / self.size)

    def agree(self, model: nn.Module) -> None:
        """Copies the first process's buffers to all: batch norms that are not synchronised see one share only."""
        if self.size > 1:
            for buffer in model.buffers():
                dist.broadcast(buffer, 0)


ALONE = Team()


@runtime_checkable
class Shareable(Protocol):
    """A work that several processes can share: its batches are shares, its losses and scores are of the whole."""

    team: Team


def launch(settings: TrainSettings) -> Any:
    """Lightning's Fabric for these settings; starts the other processes of this machine if there are any.

    RecipeError where the machine has no such devices, or too few.
    """
    _check_devices(settings)
    from lightning.fabric import Fabric
    from lightning.fabric.strategies.ddp import DDPStrategy

    several = settings.devices * settings.nodes > 1
    fabric = Fabric(
        accelerator=settings.accelerator,
        devices=settings.devices,
        num_nodes=settings.nodes,
        precision=settings.precision,
        # Heads without a loss, and encoders that are frozen for a while, are intended here.
        strategy=DDPStrategy(find_unused_parameters=True) if several else "auto",
    )
    fabric.launch()
    if several:
        atexit.register(_leave_group)
    return fabric


def _leave_group() -> None:
    """Ends this process's part in the group: waits for its communication threads.

    One that still runs while the interpreter is finalized aborts the process.
    """
    if dist.is_initialized():
        dist.destroy_process_group()


def _check_devices(settings: TrainSettings) -> None:
    if settings.accelerator == "cpu":
        return
    gpus = torch.cuda.device_count() or int(torch.backends.mps.is_available())
    if settings.accelerator == "gpu" and not gpus:
        raise RecipeError(
            "train.accelerator: 'gpu' requested, but torch finds no GPU; use 'auto' or 'cpu', or install the torch "
            "that matches the GPU's driver"
        )
    if 0 < gpus < settings.devices:
        raise RecipeError(f"train.devices: {settings.devices} GPUs requested, but torch finds {gpus}; use fewer")
