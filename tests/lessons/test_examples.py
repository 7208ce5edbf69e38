"""Examples of a scene: which tiles they are taken from, and scenes that are empty there."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import rasterio

from smalti.lessons.examples import SceneExamples, gather
from smalti.lessons.network import Maps, TeachableNetwork
from smalti.lessons.strokes import Stroke
from smalti.raster.read import open_raster
from tests.tiny import tiny_card


class _Network:
    """The image's own means as features, and as logits of three classes."""

    card, step, sizes = tiny_card(), 4, (3,)

    def __call__(self, image: Any) -> Maps:
        means = image.reshape(3, len(image[0]) // 4, 4, -1, 4).mean(axis=(2, 4)).astype(np.float32)
        return Maps(means, (means,))


def gathered(path: Path, data: np.ndarray[Any, Any], known: SceneExamples | None = None) -> SceneExamples:
    """The examples of a stroke in the middle of an image of 256x256 pixels, 5x5 tiles, that is valid where `data`."""
    import shapely

    with rasterio.open(path, "w", "GTiff", 256, 256, count=3, dtype="uint8", nodata=0) as file:
        file.write(np.broadcast_to(data * np.uint8(120), (3, 256, 256)))
    stroke = Stroke(shapely.box(120, 120, 136, 136), 1, "middle")
    with open_raster(path) as reader:
        network = cast(TeachableNetwork, _Network())
        return gather(reader, network, [stroke], known, "", lambda _: None)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_where_chosen_tiles_are_empty_others_come_from_those_of_strokes(tmp_path: Path) -> None:
    data = np.zeros((256, 256), bool)
    data[112:144, 112:144] = True
    found = gathered(tmp_path / "a.tif", data)
    assert len(found.strokes["middle"]) == 16 and len(found.others) >= 2
    assert (found.others.cells >= 112).all() and (found.others.cells < 144).all()
    whole = gathered(tmp_path / "b.tif", np.ones((256, 256), bool))
    assert np.ptp(whole.others.cells, axis=0).min() > 150  # from rows and columns far apart
    again = gathered(tmp_path / "b.tif", np.ones((256, 256), bool), whole)
    assert again.others.cells.tolist() == whole.others.cells.tolist()  # kept as they are
