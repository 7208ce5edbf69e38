"""Rankers to compare with: the published form, and its baselines. Both compare pairs and give no scores.

Published form: attention units of their own for the first and for the second photo, gates without a bound, and two
classes (the first, the second is better) from the difference of both photos' numbers. So the answer for (b, a) need
not be the opposite of that for (a, b), and three photos may beat each other in a circle. Baselines: the average of the
encoder's deepest maps in the units' place.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from smalti.nets.backbones import make_backbone
from smalti.nets.ranking.embedding import Embedding
from smalti.nets.ranking.paunit import PAUnit


class Siamese(nn.Module):
    """An encoder, numbers per photo and place in the pair, and two classes of their difference; no cues.

    With `attention` the published form: on ResNet-50 each photo becomes 7168 numbers. Without, the baseline.
    """

    def __init__(
        self,
        cues: Sequence[str] = (),
        bands: int = 3,
        task: str = "score",
        encoder: str = "resnet50",
        width: float = 1.0,
        attention: bool = True,
    ) -> None:
        super().__init__()
        self.encoder = make_backbone(encoder, bands, width)
        channels = self.encoder.channels
        self.embedding = Embedding(channels[-1])
        self.units = nn.ModuleList(
            [nn.ModuleList([PAUnit(wide, bounded=False) for wide in channels[1:]]) for _ in range(2 * attention)]
        )
        self.classes = nn.Linear(2 * sum(channels[1:]) if attention else channels[-1], 2)

    def _describe(self, taps: list[Tensor], place: int) -> Tensor:
        """Numbers N,C of photos that stand first (0) or second (1) in a pair, from the encoder's maps but the first."""
        if not self.units:
            return taps[-1].mean((2, 3))
        units = self.units[place]
        assert isinstance(units, nn.ModuleList)
        return torch.cat([unit(tap) for unit, tap in zip(units, taps, strict=True)], 1)

    def forward(self, image: Tensor, cues: Tensor, pairs: Tensor | None = None) -> dict[str, Tensor]:
        """The answers that RANKERS promise, but no score; the cues are not looked at."""
        taps = self.encoder(image)[1:]
        answers = {"embedding": self.embedding(taps[-1])}
        if pairs is not None:
            first, second = (self._describe([tap[pairs[:, place]] for tap in taps], place) for place in (0, 1))
            logits = self.classes(first - second)  # M,2
            answers["preference"] = logits[:, 0] - logits[:, 1]
        return answers

    @torch.no_grad()
    def start(self, image: Tensor, cues: Tensor) -> None:
        """Takes from some training photos what is no weight: the average photo."""
        self.embedding.start(self.encoder(image)[-1])
