"""PSPNet (Zhao et al., 2017, "Pyramid Scene Parsing Network").

Average poolings of the deepest map to several sizes are upsampled and concatenated with it, so that each pixel has
context at several scales. Differs from the authors' code: ResNet has its plain stem (one 7x7 convolution instead of
three 3x3). On VGG, whose last poolings have no stride here, the pyramid is the same as on ResNet.
"""

import torch
from torch import Tensor, nn

from smalti.nets.backbones import make_backbone
from smalti.nets.layers import ConvNorm, auxiliary, initialise, pool, resize

BINS = (1, 2, 3, 6)  # sides of the pyramid's maps
SHRINK = 4  # channels of the pyramid's maps and of the merged one: those of the deepest map divided by this
AUXILIARY = 4  # the same for the auxiliary head
DROP = 0.1


def head(inputs: int, channels: int, classes: int) -> nn.Sequential:
    """A 3x3 convolution, dropout and a 1x1 convolution to the classes."""
    return nn.Sequential(ConvNorm(inputs, channels, 3), nn.Dropout(DROP), nn.Conv2d(channels, classes, 1))


class PSPNet(nn.Module):
    """Encoder, pyramid pooling, classifier; in training an auxiliary head on the last stage but one."""

    def __init__(
        self,
        classes: int,
        bands: int = 3,
        encoder: str = "resnet50",
        width: float = 1.0,
        task: str = "classes",
        output_stride: int = 8,
    ) -> None:
        super().__init__()
        self.task = task
        self.encoder = make_backbone(encoder, bands, width, output_stride)
        *_, middle, deep = self.encoder.channels
        narrow = deep // SHRINK
        self.pyramid = nn.ModuleList(ConvNorm(deep, narrow) for _ in BINS)
        self.head = head(deep + len(BINS) * narrow, narrow, classes)
        self.aux_head = head(middle, middle // AUXILIARY, classes)
        initialise(self)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Images N,bands,H,W, normalised, to {task: logits N,classes,H,W}; in training also `TASK/aux`."""
        *_, middle, deep = self.encoder(x)
        means = [resize(scale(pool(deep, bins)), deep) for scale, bins in zip(self.pyramid, BINS, strict=True)]
        outputs = {self.task: resize(self.head(torch.cat((deep, *means), dim=1)), x)}
        if self.training:
            outputs |= auxiliary(self.task, [self.aux_head(middle)], x)
        return outputs
