"""Small nets with the parts that exporters get wrong: a flow-warp, global pooling, resizing to another map's size."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from smalti.card import Card, Task


def cards() -> Card:
    labels = tuple("abcde")
    tasks = (Task(name="landcover", labels=labels), Task(name="height", kind="value", unit="m"))
    return Card(name="small", net="small", tasks=tasks)


class Warp(nn.Module):
    """Raw pixels -> two tasks, and an extra map that must not be exported."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None])
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.gate = nn.Conv2d(8, 8, 1)
        self.flow = nn.Conv2d(8, 2, 3, padding=1)
        self.classes = nn.Conv2d(8, 5, 1)
        self.height = nn.Conv2d(8, 1, 1)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        x = self.stem(image / 255 - self.mean)
        x = x * torch.sigmoid(self.gate(x.mean(dim=(2, 3), keepdim=True)))
        x = F.grid_sample(x, self.grid(x), padding_mode="border", align_corners=True)
        x = F.interpolate(x, image.shape[-2:], mode="bilinear", align_corners=False)
        return {"landcover": self.classes(x), "height": self.height(x), "landcover/edge": x}

    def grid(self, x: Tensor) -> Tensor:
        n, _, h, w = x.shape
        rows, columns = torch.meshgrid(
            torch.arange(h) * 2 / (h - 1) - 1, torch.arange(w) * 2 / (w - 1) - 1, indexing="ij"
        )
        flow = self.flow(x).permute(0, 2, 3, 1)
        step = torch.cat([flow[..., :1] * (2 / w), flow[..., 1:] * (2 / h)], dim=-1)
        return torch.stack([columns, rows], dim=-1).expand(n, h, w, 2) + step


class Baked(Warp):
    """Its exported warp keeps one size in mind: it runs at every size and is silently wrong."""

    def grid(self, x: Tensor) -> Tensor:
        true = super().grid(x)
        return true * (x.shape[-1] / 80) if torch.compiler.is_exporting() else true


class Fixed(Warp):
    """A size as a number of Python ties the graph to its example."""

    def grid(self, x: Tensor) -> Tensor:
        return super().grid(x) + torch.zeros(x.shape[0], 48, x.shape[3], 2)
