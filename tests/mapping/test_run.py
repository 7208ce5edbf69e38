import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from smalti.averaged import Averaged
from smalti.card import Task
from smalti.errors import BusyError, ModelError, OutputError, RasterError
from smalti.lock import hold
from smalti.mapping.rasters import Wanted, products
from smalti.mapping.run import map_scene
from smalti.mapping.spool import Spool
from smalti.raster.read import open_raster
from smalti.raster.reader import Reader
from smalti.scene import predict_scene
from smalti.tiling import Window
from tests.mapping.killed import Fading
from tests.tiny import tiny_card

ROOT = Path(__file__).parents[2]


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    path = tmp_path / "scene.tif"
    pixels = np.random.default_rng(0).integers(1, 255, (3, 120, 70), np.uint8)
    pixels[:, :5] = 0
    place = {"crs": "EPSG:32633", "transform": Affine(0.3, 0, 5e5, 0, -0.3, 5e6)}
    shape = {"height": 120, "width": 70, "count": 3, "dtype": "uint8", "nodata": 0}
    with rasterio.open(path, "w", driver="GTiff", **shape, **place) as file:
        file.write(pixels)
    return path


@pytest.fixture
def reader(scene: Path) -> Iterator[Reader]:
    with open_raster(scene) as opened:
        yield opened


@pytest.mark.slow
def test_every_death_is_survived_and_the_result_is_byte_identical(scene: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.mapping.killed", str(scene), str(tmp_path / "maps")]
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": paths})
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) > 12


def test_nodata_of_the_scene_is_nodata_of_the_map(reader: Reader, tmp_path: Path) -> None:
    map_scene(reader, Fading(), tmp_path / "map.tif", {}, Wanted(True, True))
    for name in ("map", "map_confidence", "map_probabilities"):
        with rasterio.open(tmp_path / f"{name}.tif") as file:
            pixels = file.read()
        assert (pixels[:, :5] == 255).all()
        assert (pixels[:, 5:] != 255).all()


def test_what_is_done_is_not_done_again(reader: Reader, tmp_path: Path) -> None:
    said: list[str] = []
    arguments: Any = (reader, Fading(), tmp_path / "map.tif", {"scene": 1})
    assert map_scene(*arguments, say=said.append) is not None
    assert map_scene(*arguments, say=said.append) is None
    assert "is already finished" in said[0]
    other: Any = (*arguments[:3], {"scene": 2})
    assert map_scene(*other, say=said.append) is not None


class Interrupted(Fading):
    """Comes to the third row of tiles."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error, self._calls = error, 0

    def __call__(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        self._calls += 1
        if self._calls == 9:
            raise self._error
        return super().__call__(batch)


def test_an_interruption_is_gone_on_from(reader: Reader, tmp_path: Path) -> None:
    said: list[str] = []
    heard: list[int] = []
    output = tmp_path / "map.tif"
    with pytest.raises(KeyboardInterrupt):
        map_scene(reader, Interrupted(KeyboardInterrupt()), output, {})
    assert not output.exists()
    summary = map_scene(reader, Fading(), output, {}, progress=heard.append, say=said.append)
    assert summary is not None
    rows = int(said[0].removeprefix(f"{output}: resuming at row "))
    assert rows in (24, 48)  # the second strip may still have been waiting to be written
    assert (sum(heard), summary.pixels) == (120 * 70, (120 - rows) * 70)


def test_strips_of_another_model_are_thrown_away(reader: Reader, tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        map_scene(reader, Interrupted(KeyboardInterrupt()), tmp_path / "map.tif", {"model": "one"})
    map_scene(reader, Fading(), tmp_path / "map.tif", {"model": "two"}, say=said.append)
    assert "discarded strips" in said[0]


def test_a_scene_that_breaks_leaves_nothing(reader: Reader, tmp_path: Path) -> None:
    with pytest.raises(RasterError):
        map_scene(reader, Interrupted(RasterError("broken")), tmp_path / "out" / "map.tif", {})
    assert list((tmp_path / "out").iterdir()) == []


def test_a_full_disk_keeps_finished_strips_and_says_so(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out" / "map.tif"
    put, calls = Spool.put, iter(range(100))

    def full(self: Spool, window: Window, blocks: Any) -> None:
        if next(calls) == 6:
            raise OSError(28, "No space left on device")
        put(self, window, blocks)

    monkeypatch.setattr(Spool, "put", full)
    with pytest.raises(OutputError, match="no space left on device; 48 finished rows are kept in"):
        map_scene(reader, Fading(), output, {})
    assert not output.exists()
    monkeypatch.undo()
    assert map_scene(reader, Fading(), output, {}) is not None


def test_a_disk_that_is_full_from_the_beginning_leaves_nothing(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Spool, "put", full)
    with pytest.raises(OutputError, match=r"no space left on device$"):
        map_scene(reader, Fading(), tmp_path / "out" / "map.tif", {})
    assert list((tmp_path / "out").iterdir()) == []


def test_two_processes_do_not_make_one_map(reader: Reader, tmp_path: Path) -> None:
    with hold(tmp_path / "map.tif"), pytest.raises(BusyError, match=f"PID {os.getpid()} on .* is already making"):
        map_scene(reader, Fading(), tmp_path / "map.tif", {})


def test_each_task_has_its_rasters() -> None:
    cover = Task(name="cover", labels=("a", "b", "c"))
    card = tiny_card(tasks=(cover, Task(name="height", kind="value")))
    assert [path.name for path in products(Path("m.tif"), card, Wanted(confidence=True))] == [
        "m.tif",
        "m_confidence.tif",
        "m_height.tif",
    ]
    with pytest.raises(ModelError, match="predicts whole images"):
        products(Path("m.tif"), tiny_card(tasks=(Task(name="rank", kind="score"),)), Wanted())


def test_the_first_task_of_classes_takes_the_name() -> None:
    height, cover = Task(name="height", kind="value"), Task(name="cover", labels=("a", "b"))
    edges = Task(name="edges", labels=("no", "yes"))
    age = Task(name="age", kind="image_value")
    found = products(Path("town.v2.tif"), tiny_card(tasks=(height, age, cover, edges)), Wanted())
    assert {path.name: product.task.name for path, product in found.items()} == {
        "town.v2.tif": "cover",
        "town.v2_height.tif": "height",
        "town.v2_edges.tif": "edges",
    }
    assert list(products(Path("m.tif"), tiny_card(tasks=(height,)), Wanted())) == [Path("m.tif")]


@pytest.mark.parametrize(
    "name, told",
    [
        ("confidence", "another map has the same file name"),
        ("../height", "is invalid as a file name"),
        ("a/b", "is invalid as a file name"),
    ],
)
def test_a_task_without_a_file_name_of_its_own_is_refused(name: str, told: str) -> None:
    card = tiny_card(tasks=(Task(name="cover", labels=("a", "b")), Task(name=name, kind="value")))
    with pytest.raises(ModelError, match=told):
        products(Path("m.tif"), card, Wanted(confidence=True))


def test_heights_are_blended_and_opened_with_unit_nodata_and_statistics(reader: Reader, tmp_path: Path) -> None:
    map_scene(reader, Fading(), tmp_path / "map.tif", {})
    with rasterio.open(tmp_path / "map.tif") as classes, rasterio.open(tmp_path / "map_height.tif") as file:
        heights = file.read(1)
        assert (file.crs, file.transform, file.shape) == (classes.crs, classes.transform, classes.shape)
        assert (file.dtypes, file.units, file.descriptions) == (("float32",), ("m",), ("height in m",))
        assert np.isnan(file.nodata) and np.isnan(heights[:5]).all() and np.isfinite(heights[5:]).all()
        tags = file.tags(1)
    known = heights[5:].astype(np.float64)
    figures = [float(tags[f"STATISTICS_{name}"]) for name in ("MINIMUM", "MAXIMUM", "MEAN", "STDDEV")]
    assert figures == pytest.approx([known.min(), known.max(), known.mean(), known.std()])
    collected: dict[str, Any] = {"height": np.zeros((120, 70), np.float32)}
    predict_scene(
        reader.read,
        Fading(),
        lambda window, values, _: collected["height"].__setitem__(window.slices(), values["height"][0]),
        120,
        70,
    )
    assert np.array_equal(collected["height"][5:], heights[5:])


def test_a_task_of_the_whole_image_gives_no_map(reader: Reader, tmp_path: Path) -> None:
    class Aged(Fading):
        def __init__(self) -> None:
            super().__init__()
            self.card = self.card.model_copy(update={"tasks": (*self.card.tasks, Task(name="age", kind="image_value"))})

        def __call__(self, batch: np.ndarray) -> dict[str, np.ndarray]:
            return super().__call__(batch) | {"age": np.ones((1, 1), np.float32)}

    map_scene(reader, Averaged(Aged()), tmp_path / "maps" / "map.tif", {})
    assert sorted(path.name for path in (tmp_path / "maps").glob("*.tif")) == ["map.tif", "map_height.tif"]
