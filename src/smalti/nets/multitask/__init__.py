"""Networks for several tasks; `MULTITASK[name](tasks, bands, **options)` builds one.

All map images N,bands,H,W (normalised) to {task: tensor}: logits or values N,K,H,W for tasks per pixel, N,K for tasks
of whole images.
"""

from collections.abc import Callable

from torch import nn

from smalti.nets.multitask.classifier import Classifier
from smalti.nets.multitask.masked import MaskedAutoencoder
from smalti.nets.multitask.net import MultiTask

MULTITASK: dict[str, Callable[..., nn.Module]] = {
    "multitask": MultiTask,
    "classifier": Classifier,
    "masked": MaskedAutoencoder,
}
