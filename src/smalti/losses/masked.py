"""The loss of masked autoencoders: which cells are hidden, and the error of their pixels."""

import torch.nn.functional as F
from torch import Tensor


def hidden_cells(chances: Tensor, share: float) -> Tensor:
    """1 for the `share` of each image's cells with the smallest random numbers, else 0; float32 N,1,h,w.

    `chances` float32 N,h,w, at least two cells. At least one cell is hidden, and at least one is not.
    """
    flat = chances.flatten(1)  # N,cells
    count = min(max(round(share * flat.shape[1]), 1), flat.shape[1] - 1)
    ranks = flat.argsort(1).argsort(1)
    return (ranks < count).float().view_as(chances)[:, None]


def hidden_error(predicted: Tensor, pixels: Tensor, counted: Tensor) -> Tensor:
    """The mean absolute error of the pixels that count; 0 with a gradient of 0 where there is none.

    `predicted` and `pixels` N,bands,H,W; `counted` N,1,H,W bool.
    """
    if not counted.any():
        return 0 * predicted.sum()
    where = counted.expand_as(pixels)
    return F.l1_loss(predicted[where], pixels[where])
