"""Rounding of weights to integers."""

import numpy as np

from smalti.arrays import Doubles

_STEPS = 2**16 - 1


def rounded(values: Doubles, channels: int | None) -> Doubles:
    """One of the two whole numbers beside each value, so that sums stay the same but for rounding.

    Those of each channel along an axis, or of all values: activations behind a ReLU are above zero, so that errors
    of one sign add up to a shift of the whole map. SQuant (Guo et al., 2022) keeps the sums of single kernels, too,
    which gained nothing here.
    """
    turned = values[None] if channels is None else np.moveaxis(values, channels, 0)
    rows = turned.reshape(len(turned), -1)
    lower = np.floor(rows)
    over = rows - lower
    more = np.rint(over.sum(axis=1, keepdims=True)).astype(np.int64)
    # The `more` largest rests of each row go up, of equal ones the first. 16 bits of them are enough, and sorted fast.
    rest = (over * _STEPS).astype(np.uint16)
    ordered = np.sort(rest, axis=1, kind="stable")
    last = np.take_along_axis(ordered, rest.shape[1] - np.maximum(more, 1), axis=1)
    up, alike = rest > last, rest == last
    up |= alike & (up.sum(axis=1, keepdims=True) + np.cumsum(alike, axis=1, dtype=np.int32) <= more)
    whole: Doubles = (lower + up).reshape(turned.shape)
    return whole[0] if channels is None else np.moveaxis(whole, 0, channels)
