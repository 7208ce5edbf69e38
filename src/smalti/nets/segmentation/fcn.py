"""FCN (Long, Shelhamer and Darrell, 2015, "Fully Convolutional Networks for Semantic Segmentation").

An image classifier is applied as convolutions to the deepest map; FCN-16s and FCN-8s add scores from the maps of
strides 16 and 8. Differs from the paper: maps are padded to stay aligned instead of cropped, upsampling is bilinear and
not learned, scores are initialised randomly instead of with zeros, and other encoders than VGG are supported.
"""

from torch import Tensor, nn

from smalti.errors import ModelError
from smalti.nets.backbones import make_backbone
from smalti.nets.layers import initialise, resize

HIDDEN = 4096  # channels of the classifier's two hidden layers
KERNEL = 7  # kernel size of the first one
DROP = 0.5
# finest stride that is scored: how many maps, from the deepest
SCORED = {32: 1, 16: 2, 8: 3}


class FCN(nn.Module):
    """Encoder, classifier, scores of one to three maps summed from deep to shallow."""

    def __init__(
        self,
        classes: int,
        bands: int = 3,
        encoder: str = "vgg16",
        width: float = 1.0,
        task: str = "classes",
        stride: int = 8,
        hidden: int = HIDDEN,
    ) -> None:
        super().__init__()
        self.task = task
        if stride not in SCORED:
            raise ModelError(f"FCN scores down to stride 32, 16 or 8, not {stride}")
        self.encoder = make_backbone(encoder, bands, width)
        *shallower, deepest = self.encoder.channels[-SCORED[stride] :]
        self.classifier = nn.Sequential(
            nn.Conv2d(deepest, hidden, KERNEL, padding=KERNEL // 2), nn.ReLU(), nn.Dropout(DROP),
            nn.Conv2d(hidden, hidden, 1), nn.ReLU(), nn.Dropout(DROP),
            nn.Conv2d(hidden, classes, 1),
        )  # fmt: skip
        self.scores = nn.ModuleList(nn.Conv2d(channels, classes, 1) for channels in reversed(shallower))
        initialise(self)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Images N,bands,H,W, normalised, to {task: logits N,classes,H,W}."""
        *shallower, deepest = self.encoder(x)
        scores = self.classifier(deepest)
        for score, tap in zip(self.scores, reversed(shallower), strict=False):
            scores = resize(scores, tap) + score(tap)
        return {self.task: resize(scores, x)}
