from pathlib import Path

import numpy as np
import pytest

from smalti.data.images.augment import Box
from smalti.data.images.dali import DaliCutter, has_dali
from smalti.data.images.decode import cut
from smalti.errors import MissingExtraError
from tests.data.images.tiny import write_photo


def test_it_cuts_as_opencv_does(tmp_path: Path) -> None:
    pytest.importorskip("nvidia.dali")
    for number, colour in enumerate(("red", "green")):
        write_photo(tmp_path / f"{number}.jpg", colour, number, (120, 160))
    paths = [str(path) for path in sorted(tmp_path.iterdir())]
    choices = [lambda height, width: Box(8, 16, 64, 96), lambda height, width: Box(0, 0, height, width, True)]
    found = DaliCutter(32, 4, 1, None)(paths, choices)
    for path, choose, image in zip(paths, choices, found, strict=True):
        assert np.abs(image.astype(int) - cut(path, choose, 32)).mean() < 6


def test_where_it_is_not_installed_the_extra_is_named() -> None:
    if has_dali():
        pytest.skip("DALI is installed")
    with pytest.raises(MissingExtraError, match=r"smalti\[dali\]"):
        DaliCutter(32, 4, 1, None)
