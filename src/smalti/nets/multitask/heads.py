"""Heads: from a task's feature maps to its output, per pixel by a decoder or for the whole image."""

from collections.abc import Callable

from torch import Tensor, nn

from smalti.card import Task
from smalti.errors import ModelError
from smalti.nets.backbones.backbone import Backbone
from smalti.nets.layers import initialise, resize
from smalti.nets.multitask.values import output_of
from smalti.nets.segmentation.deeplabv3plus import DeepLabDecoder
from smalti.nets.segmentation.ued import Decoder

# name: default output stride of its encoder; function from an encoder and a number of outputs to a module that takes
# the maps, shallow to deep
DECODERS: dict[str, tuple[int, Callable[[Backbone, int], nn.Module]]] = {
    "ued": (32, lambda encoder, outputs: Decoder(encoder.channels, outputs)),
    "deeplabv3plus": (16, lambda encoder, outputs: DeepLabDecoder(encoder.channels, outputs, encoder.strides[-1])),
}


class PixelHead(nn.Module):
    """A decoder, and bilinear upsampling to the size of the image."""

    def __init__(self, task: Task, decoder: nn.Module) -> None:
        super().__init__()
        self.decoder = decoder
        self.answers = output_of(task)

    def forward(self, maps: list[Tensor], image: Tensor) -> Tensor:
        """The branch's maps, and the image N,bands,H,W (for its size), to N,K,H,W."""
        return resize(self.answers(self.decoder(maps)), image)


class ImageHead(nn.Module):
    """Global average pooling of the deepest map, and a linear layer."""

    def __init__(self, task: Task, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, task.channels)
        if not task.has_classes:
            nn.init.normal_(self.linear.weight, std=0.01)  # maps may be large; start near the centre of `Values`
        self.answers = output_of(task)

    def forward(self, maps: list[Tensor], image: Tensor) -> Tensor:
        """The branch's maps to N,K."""
        return self.answers(self.linear(maps[-1].mean((2, 3))))  # type: ignore[no-any-return]


def make_head(task: Task, encoder: Backbone, decoder: str) -> nn.Module:
    """The head of a task on an encoder; ModelError for a kind of task that has none."""
    if task.kind == "score":
        raise ModelError(f"task {task.name}: a score ranks images; use a net for ranking")
    if task.per_image:
        return ImageHead(task, encoder.channels[-1])
    head = PixelHead(task, DECODERS[decoder][1](encoder, task.channels))
    initialise(head)
    if not task.has_classes:
        *_, last = (module for module in head.modules() if isinstance(module, nn.Conv2d))
        # By fan-in, so that outputs start near the centre of `Values`: by fan-out they would be far too large, and with
        # weights near 0 a training on mostly zero values collapses to 0.
        nn.init.normal_(last.weight, std=last.weight[0].numel() ** -0.5)
    return head
