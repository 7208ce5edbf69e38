"""Rounding of weights to integers."""

import numpy as np

from smalti.arrays import Doubles


def rounded(values: Doubles, channels: int | None) -> Doubles:
    """One of the two whole numbers beside each value, so that sums stay the same but for rounding.

    Those of each channel along an axis, or of all values: activations behind a ReLU are above zero, so that errors
    of one sign add up to a shift of the whole map. SQuant (Guo et al., 2022) keeps the sums of single kernels, too,
    which gained nothing here.
    """
    turned = values[None] if channels is None else np.moveaxis(values, channels, 0)
    rows = turned.reshape(len(turned), -1)
    lower = np.floor(rows)
    more = np.rint((rows - lower).sum(axis=1, keepdims=True))
    nearest = (lower - rows).argsort(axis=1, kind="stable")  # those that are nearest to the next number first
    up = np.empty(rows.shape, bool)
    np.put_along_axis(up, nearest, np.arange(rows.shape[1]) < more, axis=1)
    whole: Doubles = (lower + up).reshape(turned.shape)
    return whole[0] if channels is None else np.moveaxis(whole, 0, channels)
