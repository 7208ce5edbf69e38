"""How much a net's predictions depend on each of its channels, without labels.

The square of the sum of weight times gradient estimates what the loss gains when a channel goes (Molchanov et al.,
2019, "Importance Estimation for Neural Network Pruning"). Differs from the paper: the loss is the negative
log-likelihood of predictions that are drawn from the net's own ones, so that the mean square is the Fisher information
(Theis et al., 2018, "Faster gaze prediction with dense networks and Fisher pruning") and images without labels will do.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from smalti.arrays import Pixels
from smalti.card import Task
from smalti.nets.build import Model
from smalti.nets.channels import Group

_SEED = 0


def importance(model: Model, groups: Sequence[Group], tiles: Sequence[Pixels]) -> list[NDArray[np.float64]]:
    """By group, how much the predictions for some tiles, raw pixels 1,C,H,W, depend on each channel."""
    random = torch.Generator().manual_seed(_SEED)
    modules = dict(model.net.named_modules())
    totals = [np.zeros(len(group.units)) for group in groups]
    model.eval()
    for tile in tiles:
        model.zero_grad()
        outputs = model(torch.from_numpy(np.ascontiguousarray(tile)))
        terms = [_surprise(outputs[task.name], task, random) for task in model.card.tasks]
        torch.autograd.backward(terms)
        for total, group in zip(totals, groups, strict=True):
            total += _squares(group, modules)
    model.zero_grad()
    return totals


def _surprise(output: Tensor, task: Task, random: torch.Generator) -> Tensor:
    """The mean negative log-likelihood of predictions drawn from N,K,H,W or N,K, up to what has no gradient."""
    if not task.has_classes:
        noise = torch.randn(output.shape, generator=random)
        return (noise * output).mean() / output.detach().std(correction=0).clamp_min(1e-6)
    logits = output.movedim(1, -1).reshape(-1, output.shape[1])
    drawn = torch.multinomial(logits.detach().softmax(1), 1, generator=random)[:, 0]
    return F.cross_entropy(logits, drawn)


def _squares(group: Group, modules: dict[str, nn.Module]) -> NDArray[np.float64]:
    """Of each channel the sum over its layers, of batch norms if it has any, of the squared weight times gradient."""
    norms = [at for at, (name, _) in enumerate(group.places) if isinstance(modules[name], nn.BatchNorm2d)]
    made = [at for at, (_, role) in enumerate(group.places) if role == "out"]
    found = np.zeros(len(group.units))
    for at in norms or made:
        of_layer = _products(modules[group.places[at][0]])
        found += [float(of_layer[list(unit[at])].sum()) ** 2 for unit in group.units]
    return found


def _products(layer: nn.Module) -> NDArray[np.float64]:
    """The sum of weight times gradient of each output channel."""
    products: list[Tensor] = [
        (value.detach() * value.grad).flatten(1).sum(1) if value.dim() > 1 else value.detach() * value.grad
        for value in layer.parameters()
        if value.grad is not None
    ]
    return torch.stack(products).sum(0).double().numpy()
