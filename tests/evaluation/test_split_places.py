from itertools import product
from pathlib import Path

import numpy as np
import pytest

from smalti.evaluation.split_places import PARTS, split
from tests.mosaics.scenes import write_scene


def parts_of(sizes: tuple[int, ...], shares: tuple[float, float, float], folder: Path) -> list[str]:
    """The part of each of several scenes side by side, of so many columns."""
    folder.mkdir()
    pairs, col = [], 0
    for k, size in enumerate(sizes):
        image = write_scene(folder / f"{k}.tif", np.ones((3, 4, size), np.uint8), 0, col)
        pairs.append((image, image))
        col += size
    return split(pairs, folder, shares)[1]


@pytest.mark.parametrize(
    ("sizes", "shares", "parts"),
    [
        ((50, 50), (0.8, 0.2, 0.0), "train validation"),
        ((30, 70), (0.8, 0.2, 0.0), "train validation"),
        ((50, 50), (0.8, 0.0, 0.2), "train test"),
        ((20, 20, 60), (0.8, 0.2, 0.0), "train train validation"),
        ((10, 60, 10, 10, 10), (0.05, 0.05, 0.9), "train validation test test test"),
        ((30, 30, 30), (0.6, 0.2, 0.2), "train validation test"),
        ((10, 10, 10, 10, 60), (0.6, 0.2, 0.2), "train train train validation test"),
        ((50, 50), (1.0, 0.0, 0.0), "train train"),
    ],
)
def test_every_requested_part_is_a_stripe(
    sizes: tuple[int, ...], shares: tuple[float, float, float], parts: str, tmp_path: Path
) -> None:
    assert " ".join(parts_of(sizes, shares, tmp_path / "scenes")) == parts


def test_parts_follow_each_other_whatever_the_sizes(tmp_path: Path) -> None:
    shares = ((0.8, 0.2, 0.0), (0.7, 0.0, 0.3), (0.6, 0.2, 0.2), (0.1, 0.1, 0.8))
    for number, (sizes, wished) in enumerate(product(product((4, 8, 80), repeat=3), shares)):
        found = parts_of(sizes, wished, tmp_path / str(number))
        assert found == sorted(found, key=PARTS.index)
        assert set(found) == {part for part, share in zip(PARTS, wished, strict=True) if share}
