"""Rankers for comparison: the published form and its baseline. Both compare pairs and give no scores.

Published form: separate attention units for the first and the second photo, unbounded gates, and two classes (the first
or the second is better) from the difference of both photos' features. So the preference for (b, a) need not be the
opposite of that for (a, b), and preferences may be cyclic. Baseline: the average of the encoder's deepest map instead
of the units.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from smalti.nets.backbones import make_backbone
from smalti.nets.ranking.embedding import Embedding
from smalti.nets.ranking.paunit import PAUnit


class Siamese(nn.Module):
    """An encoder, features per photo and position in the pair, and two classes from their difference; no cues.

    With `attention` it is the published form, which has 7168 features per photo on ResNet-50; without it, the baseline.
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
        """Features N,C of the first (0) or second (1) photos of pairs, from all but the encoder's first map."""
        if not self.units:
            return taps[-1].mean((2, 3))
        units = self.units[place]
        assert isinstance(units, nn.ModuleList)
        return torch.cat([unit(tap) for unit, tap in zip(units, taps, strict=True)], 1)

    def forward(self, image: Tensor, cues: Tensor, pairs: Tensor | None = None) -> dict[str, Tensor]:
        """The outputs of all `RANKERS` except a score; cues are ignored."""
        taps = self.encoder(image)[1:]
        outputs = {"embedding": self.embedding(taps[-1])}
        if pairs is not None:
            first, second = (self._describe([tap[pairs[:, place]] for tap in taps], place) for place in (0, 1))
            logits = self.classes(first - second)  # M,2
            outputs["preference"] = logits[:, 0] - logits[:, 1]
        return outputs

    @torch.no_grad()
    def start(self, image: Tensor, cues: Tensor) -> None:
        """Sets the average photo from some training photos."""
        self.embedding.start(self.encoder(image)[-1])
