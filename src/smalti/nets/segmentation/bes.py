"""UED with body-edge supervision: objects' bodies and edges are separated, and each is supervised by its own target.

After Li et al., 2020 ("Improving Semantic Segmentation via Decoupled Body and Edge Supervision"): a learned flow moves
each pixel's features towards the inside of its object; the warped features are the body, the difference is the edge.
Differs from the paper: full instead of depthwise convolutions for downsampling; body and edge are refined by two
convolutions each and added; the flow is in pixels instead of shares of the map; and the map's border is repeated
instead of padded with zeros. The heads are as large as in the light nets (see `ued`).
"""

import torch
from torch import Tensor, nn

from smalti.nets.backbones import make_backbone
from smalti.nets.layers import ConvNorm, initialise, resize, warp
from smalti.nets.segmentation.ued import Decoder


class BodyEdgeSplit(nn.Module):
    """Splits features into the body, warped by a flow computed at a lower resolution, and the remaining edge."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fine = nn.Conv2d(channels, channels, 1)
        self.coarse = nn.Sequential(
            ConvNorm(channels, channels, 3, 2, bias=True, act=None),
            ConvNorm(channels, channels, 3, 2, bias=True, act=None),
            nn.Conv2d(channels, channels, 1),
        )
        self.flow = nn.Conv2d(2 * channels, 2, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """N,C,H,W to body and edge, both N,C,H,W, whose sum is the input."""
        fine = self.fine(x)
        coarse = resize(self.coarse(x), fine)
        body = warp(fine, self.flow(torch.cat((fine, coarse), dim=1)))
        return body, fine - body


class Sum(nn.Module):
    """Fuses body and edge by adding them."""

    def forward(self, body: Tensor, edge: Tensor) -> Tensor:
        """Both N,C,H,W."""
        return body + edge


def refine(channels: int) -> nn.Sequential:
    """Two 3x3 convolutions at the map's resolution."""
    return nn.Sequential(ConvNorm(channels, channels, 3), nn.Conv2d(channels, channels, 3, padding=1))


def head(channels: int, outputs: int, depth: int) -> nn.Sequential:
    """`depth` 3x3 convolutions with norm and activation, then a 1x1 to the outputs."""
    return nn.Sequential(*(ConvNorm(channels, channels, 3) for _ in range(depth)), nn.Conv2d(channels, outputs, 1))


class UEDBES(nn.Module):
    """UED whose maps are split into body and edge, refined, and fused."""

    def __init__(
        self, classes: int, bands: int = 3, encoder: str = "ghostnet", width: float = 1.0, task: str = "classes"
    ) -> None:
        super().__init__()
        self.task = task
        self.encoder = make_backbone(encoder, bands, width)
        channels = self.encoder.channels[0]
        self.decoder = Decoder(self.encoder.channels, channels)
        self.split = BodyEdgeSplit(channels)
        self.refine_body, self.refine_edge = refine(channels), refine(channels)
        self.fuse = self.make_fusion(channels)
        self.class_head = head(channels, classes, 2)
        self.body_head, self.edge_head = head(channels, classes, 1), head(channels, 1, 1)
        initialise(self)
        nn.init.normal_(self.split.flow.weight, std=0.01)  # flows of a fraction of a pixel; Kaiming's would be several

    def make_fusion(self, channels: int) -> nn.Module:
        """The module that fuses body and edge (N,C,H,W each)."""
        return Sum()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Images N,bands,H,W, normalised, to {task: logits N,classes,H,W}.

        In training also `TASK/body` (logits N,classes,H,W) and `TASK/edge` (one logit, N,1,H,W).
        """
        body, edge = self.parts(x)
        outputs = {self.task: resize(self.class_head(self.fuse(body, edge)), x)}
        if self.training:
            outputs[f"{self.task}/body"] = resize(self.body_head(body), x)
            outputs[f"{self.task}/edge"] = resize(self.edge_head(edge), x)
        return outputs

    def parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Refined body and edge of images N,bands,H,W, both N,C,H/4,W/4."""
        body, edge = self.split(self.decoder(self.encoder(x)))
        return self.refine_body(body), self.refine_edge(edge)

    def inside(self, x: Tensor) -> dict[str, Tensor]:
        """Its inner maps, for inspection: `TASK/body`, probabilities N,classes,H,W, and `TASK/edge`, N,1,H,W."""
        return self.seen(*self.parts(x), x)

    def seen(self, body: Tensor, edge: Tensor, x: Tensor) -> dict[str, Tensor]:
        """The outputs of the body and edge heads as probabilities, at the size of the images."""
        return {
            f"{self.task}/body": resize(self.body_head(body), x).softmax(1),
            f"{self.task}/edge": resize(self.edge_head(edge), x).sigmoid(),
        }
