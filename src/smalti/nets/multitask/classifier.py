"""Image classification: an encoder, global average pooling, and the head it was published with.

GhostNet, MobileNetV2 and EfficientNet-Lite have a last 1x1 convolution and, GhostNet, a hidden layer before the classes
(Han et al., 2020; Sandler et al., 2018; Tan and Le, 2019); all others have a linear layer right after the pooling.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from smalti.card import Task
from smalti.errors import ModelError
from smalti.nets.backbones import make_backbone
from smalti.nets.layers import ConvNorm, divisible, initialise
from smalti.nets.multitask.values import output_of

# encoder: channels of the last convolution, whether they shrink with the width, their multiple, channels of the hidden
# layer (0 = none), activation, dropout
HEADS: dict[str, tuple[int, bool, int, int, type[nn.Module], float]] = {
    "efficientnet_lite0": (1280, False, 8, 0, nn.ReLU6, 0.2),
    "ghostnet": (960, True, 4, 1280, nn.ReLU, 0.2),
    "mobilenetv2": (1280, False, 8, 0, nn.ReLU6, 0.2),
    "mobilenetv2_tf": (1280, False, 8, 0, nn.ReLU6, 0.2),
}


class Classifier(nn.Module):
    """An encoder with the head it was published with, for one task per image."""

    def __init__(
        self,
        tasks: Sequence[Task],
        bands: int = 3,
        encoder: str = "ghostnet",
        width: float = 1.0,
        dropout: float | None = None,
    ) -> None:
        """`tasks` has one, of kind image_classes or image_value; `dropout` None is the published one.

        ModelError for other tasks, or for an unknown encoder.
        """
        super().__init__()
        if len(tasks) != 1 or tasks[0].kind not in ("image_classes", "image_value"):
            kinds = ", ".join(task.kind for task in tasks)
            raise ModelError(f"a classifier predicts one task of kind image_classes or image_value, not {kinds}")
        [self.task] = tasks
        self.encoder = make_backbone(encoder, bands, width)
        last, shrinks, multiple, hidden, act, published = HEADS.get(encoder, (0, False, 1, 0, nn.ReLU, 0.0))
        channels = self.encoder.channels[-1]
        self.last: nn.Module = nn.Identity()
        if last:
            inputs, channels = channels, divisible(last * (width if shrinks else max(1.0, width)), multiple)
            self.last = ConvNorm(inputs, channels, act=act)
        self.hidden: nn.Module = nn.Identity()
        if hidden:
            self.hidden = nn.Sequential(nn.Conv2d(channels, hidden, 1), act())
            channels = hidden
        self.dropout = nn.Dropout(published if dropout is None else dropout)
        self.classes = nn.Linear(channels, self.task.channels)
        self.answers = output_of(self.task)
        initialise(self.last)
        initialise(self.hidden)
        nn.init.normal_(self.classes.weight, std=0.01)
        nn.init.zeros_(self.classes.bias)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Images N,bands,H,W to {task: logits N,K, or values N,1}."""
        y = self.last(self.encoder(x)[-1]).mean((2, 3), keepdim=True)  # N,C,1,1
        output = self.classes(self.dropout(self.hidden(y).flatten(1)))
        return {self.task.name: self.answers(output)}
