"""One score per photo, from attention at three scales and from the full resolution's cues.

After series photo selection with multi-scale attentive features (parallel attention units after stages 2, 3 and 4 of an
encoder). Differs: both photos share the units, and their gates are bounded; each photo gets a score s, and P(a is
better than b) = sigmoid(s_a - s_b), so that preferences are antisymmetric and transitive for any weights; a small
branch takes cues of the focus, which is lost in the shrunk picture; and inference averages over all eight flips and
rotations, so that a rotated or mirrored photo has the same score.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from smalti.nets.backbones import make_backbone
from smalti.nets.ranking.embedding import Embedding
from smalti.nets.ranking.paunit import PAUnit

HIDDEN = 64
SIDES = 8  # four rotations, each mirrored or not
LIMIT = 4.0  # standard deviations at which cues are clipped


def all_sides(image: Tensor) -> Tensor:
    """All eight flips and rotations of pictures N,C,S,S: 8N,C,S,S, the unchanged pictures first."""
    mirrored = torch.cat((image, image.flip(3)))
    upside = torch.cat((mirrored, mirrored.flip(2)))
    return torch.cat((upside, upside.transpose(2, 3)))


class CueBranch(nn.Module):
    """Two layers on cues N,K, which are normalised by the statistics given to `start`."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.zeros(count))
        self.register_buffer("std", torch.ones(count))
        self.layers = nn.Sequential(nn.Linear(count, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU())

    def forward(self, cues: Tensor) -> Tensor:
        """N,K to N,HIDDEN."""
        hidden: Tensor = self.layers(((cues - self.mean) / self.std).clamp(-LIMIT, LIMIT))
        return hidden

    @torch.no_grad()
    def start(self, cues: Tensor) -> None:
        """Sets the mean and deviation from these photos' cues N,K."""
        self.mean.copy_(cues.mean(0))
        self.std.copy_(cues.std(0, correction=0).clamp_min(1e-3))


class Ranker(nn.Module):
    """Encoder, shared attention units after its stages 2, 3 and 4, cues, one score."""

    def __init__(
        self,
        cues: Sequence[str],
        bands: int = 3,
        task: str = "score",
        encoder: str = "mobilenetv2_tf",
        width: float = 1.0,
    ) -> None:
        super().__init__()
        self.task = task
        self.encoder = make_backbone(encoder, bands, width)
        channels = self.encoder.channels[1:]
        self.units = nn.ModuleList([PAUnit(wide) for wide in channels])
        numbers = 2 * sum(channels)
        self.picture = nn.Sequential(nn.BatchNorm1d(numbers), nn.Linear(numbers, HIDDEN), nn.ReLU())
        self.dropout = nn.Dropout(0.2)
        self.cues = CueBranch(len(cues))
        self.judge = nn.Sequential(nn.Linear(2 * HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1, bias=False))
        self.embedding = Embedding(channels[-1])

    def forward(self, image: Tensor, cues: Tensor, pairs: Tensor | None = None, copies: int = 1) -> dict[str, Tensor]:
        """The outputs of all `RANKERS`; `pairs` M,2 are indices in the batch.

        A batch may contain its photos in several `copies`, one after the other: dropout is the same for each copy, so
        that their scores can be compared.
        """
        taps = self.encoder(image if self.training else all_sides(image))[1:]
        attended = torch.cat([unit(tap) for unit, tap in zip(self.units, taps, strict=True)], 1)
        picture = self.picture(attended)  # N,HIDDEN, or 8N,HIDDEN
        if self.training:
            picture = picture * self.dropout(torch.ones_like(picture[: len(picture) // copies])).repeat(copies, 1)
        score = self._score(picture, cues)
        outputs = {
            self.task: score,
            "embedding": self.embedding(taps[-1].view(-1, image.shape[0], *taps[-1].shape[1:])[0]),
        }
        if pairs is not None:
            outputs["preference"] = score[pairs[:, 0], 0] - score[pairs[:, 1], 0]
        return outputs

    def _score(self, picture: Tensor, cues: Tensor) -> Tensor:
        """N,1: the mean over all flips and rotations."""
        hidden = self.cues(cues)  # N,HIDDEN
        sides = 1 if self.training else SIDES
        seen = picture.view(sides, cues.shape[0], HIDDEN)
        score: Tensor = self.judge(torch.cat((seen, hidden.expand(sides, -1, -1)), 2)).mean(0)
        return score

    @torch.no_grad()
    def start(self, image: Tensor, cues: Tensor) -> None:
        """Sets the statistics of the cues and the average photo from some training photos."""
        self.cues.start(cues)
        self.embedding.start(self.encoder(image)[-1])
