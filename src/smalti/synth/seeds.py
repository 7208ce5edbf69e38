"""Random numbers that depend only on a key, so that every part of the world can be drawn separately."""

import zlib

import numpy as np


def rng_for(seed: int, what: str, *place: int) -> np.random.Generator:
    """A random generator for one purpose at one place of the world of `seed`; equal keys give equal numbers."""
    key = [seed % 2**63, zlib.crc32(what.encode()), *(p % 2**32 for p in place)]
    return np.random.Generator(np.random.PCG64(key))
