"""Windows of a scene to paint on."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio

import smalti as sm
from smalti.errors import DataError, OptionError, OutputError, RasterError
from smalti.lessons.project import Project
from smalti.lessons.suggest import choose
from tests.lessons.places import PLACE, stroke_file
from tests.zones.maps import UTM


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene of 512 pixels, smooth but for noise in one window; no data in the lowest quarter."""
    random = np.random.default_rng(0)
    pixels = np.broadcast_to(np.linspace(90, 150, 512), (3, 512, 512)).copy()
    pixels[:, 128:256, 256:384] += random.normal(0, 60, (3, 128, 128))
    pixels[:, 384:] = 0
    path = tmp_path_factory.mktemp("scene") / "scene.tif"
    kind = {"count": 3, "dtype": "uint8", "crs": UTM, "transform": PLACE, "nodata": 0}
    with rasterio.open(path, "w", "GTiff", 512, 512, **kind) as file:
        file.write(np.clip(pixels, 0, 255).astype(np.uint8))
    return path


def test_the_odd_window_is_the_most_unlike_and_none_lies_without_data(scene: Path, tmp_path: Path) -> None:
    found = sm.suggest(scene, tmp_path / "look.geojson", minutes=2)
    windows = [each.window for each in found.windows]
    assert len(windows) == 6 and len(set(windows)) == 6
    odd = max(found.windows, key=lambda each: each.unlike).window
    assert (odd.row, odd.col) == (128, 256)
    assert max(window.bottom for window in windows) <= 384
    assert found.windows[0].unlike > 0 and str(found) == f"{found.path}: 6 windows to look at, by landcover"
    assert '"1: uncertain ' in found.path.read_text()


def lead(found: sm.Suggestions, window: sm.Window) -> float:
    """How much more a window is worth than the best other one."""
    worth = {each.window: each.uncertain * each.unlike for each in found.windows}
    return worth.pop(window) / max(worth.values())


def test_what_was_painted_is_worth_less(scene: Path, tmp_path: Path) -> None:
    before = sm.suggest(scene, tmp_path / "before.geojson", minutes=2)
    painted = before.windows[0].window
    row, col = painted.row, painted.col
    lines = [(col + 4.0, row + 8.0 + 12 * k, col + 124.0, row + 8.0 + 12 * k, "odd") for k in range(10)]
    plain = [(float(c), r, c + 40.0, r, "land") for c, r in ((20, 300.0), (300, 320.0), (150, 30.0))]
    add = [(scene, stroke_file(tmp_path / "strokes.gpkg", [*lines, *plain]))]
    sm.teach(tmp_path / "p", tmp_path / "own.onnx", add=add, classes={"odd": []})
    after = sm.suggest(scene, tmp_path / "after.geojson", project=tmp_path / "p", minutes=2)
    assert lead(before, painted) > 1 and lead(after, painted) < 0.8 * lead(before, painted)


def test_bands_are_chosen_or_the_projects(scene: Path, tmp_path: Path) -> None:
    with rasterio.open(scene) as plain:
        values, kind = plain.read(), plain.profile | {"count": 4, "photometric": "minisblack"}
    with rasterio.open(tmp_path / "four.tif", "w", **kind) as file:
        file.write(np.concatenate([values[:1] // 2, values]))
    expected = sm.suggest(scene, tmp_path / "a.geojson", minutes=2).windows
    with pytest.raises(RasterError, match="choose with --bands"):
        sm.suggest(tmp_path / "four.tif", tmp_path / "b.geojson")
    found = sm.suggest(tmp_path / "four.tif", tmp_path / "b.geojson", bands=["2", "3", "4"], minutes=2)
    assert found.windows == expected
    project = Project(tmp_path / "p").with_bands(str(tmp_path / "four.tif"), [2, 3, 4])
    project.save()
    assert sm.suggest(tmp_path / "four.tif", tmp_path / "b.geojson", project=tmp_path / "p", minutes=2) == found


def test_the_choice_is_uncertain_far_and_diverse() -> None:
    places = np.array([[0.0, 0], [5, 0], [5.1, 0], [0, 4], [9, 9]])
    uncertain = np.array([0.5, 0.5, 0.5, 0.5, 0.01])
    order = [at for at, _ in choose(places, uncertain, [], 3)]
    assert order[:2] == [2, 3]
    assert choose(places, uncertain, [places[2]], 1)[0][0] == 3  # what is known is not taken
    assert len(choose(places, uncertain, [], 99)) == 5


def test_bad_input_is_refused(scene: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"expected 0\.33 to 60"):
        sm.suggest(scene, tmp_path / "a.geojson", minutes=0)
    with pytest.raises(OutputError):
        sm.suggest(scene, tmp_path / "a.txt")
    with rasterio.open(scene) as file:
        small = file.profile | {"width": 64, "height": 64}
        values = file.read()[:, :64, :64]
    with rasterio.open(tmp_path / "small.tif", "w", **small) as file:
        file.write(values)
    with pytest.raises(RasterError, match="no window of 128 x 128 pixels"):
        sm.suggest(tmp_path / "small.tif", tmp_path / "a.geojson")
    with pytest.raises(DataError, match=r"has no teach\.toml; give the folder of a project"):
        sm.suggest(scene, tmp_path / "a.geojson", project=tmp_path / "misspelt")
    shutil.copy(scene, tmp_path / "notours.geojson")
    with pytest.raises(OutputError):
        sm.suggest(scene, tmp_path / "notours.geojson")
