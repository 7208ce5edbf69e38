from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smalti.deploy import calibration_tiles as module
from smalti.deploy.calibration_tiles import calibration_tiles
from smalti.errors import DataError, ModelError, RasterError
from tests.tiny import tiny_card


def image(path: Path, height: int, width: int, value: int = 7) -> Path:
    Image.fromarray(np.full((height, width, 3), value, np.uint8)).save(path)
    return path


def test_tiles_are_spread_over_all_images(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for k in range(3):
        image(tmp_path / f"{k}.png", 256, 512, 10 + k)
    tiles = calibration_tiles(tmp_path, tiny_card())
    assert len(tiles) == 3 * 4 * 8 and {tile.shape for tile in tiles} == {(1, 3, 64, 64)}
    monkeypatch.setattr(module, "MOST", 6)
    assert [int(tile.max()) for tile in calibration_tiles(tmp_path, tiny_card())] == [10, 10, 11, 11, 12, 12]


@pytest.mark.filterwarnings("ignore::smalti.errors.SmaltiWarning")
def test_images_that_do_not_fit_the_model_are_refused(tmp_path: Path) -> None:
    path = image(tmp_path / "a.png", 64, 64)
    with pytest.raises((ModelError, RasterError), match=r"a\.png: .*"):
        calibration_tiles(path, tiny_card(("red", "green", "blue", "nir")))
    with pytest.raises((ModelError, RasterError), match=r"a\.png: .*uint8"):
        calibration_tiles(path, tiny_card(dtype="uint16"))
    with pytest.raises(DataError, match="1 tiles of 64 pixels with data; give more or larger images"):
        calibration_tiles(path, tiny_card())
