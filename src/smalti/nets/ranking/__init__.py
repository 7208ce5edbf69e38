"""Networks that rank photos; `RANKERS[name](cues, bands, task, encoder, width)` builds one.

All take pictures N,bands,H,W (normalised) and cues N,K, and return a dict: the score (N,1) under the task's name, if
the net scores single photos; `embedding` (N,D, unit length); and `preference` (M) for M pairs, the logit of P(the first
is better).
"""

from collections.abc import Callable
from functools import partial

from torch import nn

from smalti.nets.ranking.ranker import Ranker
from smalti.nets.ranking.siamese import Siamese

RANKERS: dict[str, Callable[..., nn.Module]] = {
    "ranker": Ranker,
    "siamese": Siamese,
    "pooled": partial(Siamese, attention=False),
}
