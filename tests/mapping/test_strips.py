"""One scene made as strips, in any order and by several processes, has the bytes of a single run."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from smalti.averaged import PASSES, Averaged
from smalti.card import UNLIKE
from smalti.errors import BusyError, OutputError
from smalti.lock import hold
from smalti.mapping.rasters import Wanted
from smalti.mapping.run import Scatter, map_scene
from smalti.mapping.spool import Spool
from smalti.mapping.strips import map_strip, plan_strips
from smalti.predicting import first_rows
from smalti.raster.read import open_raster
from smalti.raster.reader import Reader
from smalti.raster.resample import Resampled
from smalti.raster.scaled import Scaled
from smalti.scene import Predictor, Summary
from tests.mapping.test_unlike import Bright

ALL = Wanted(confidence=True, probabilities=True, uncertainty=True)
Strip = tuple[int, int]
Opened = Callable[[], AbstractContextManager[Reader]]


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    path = tmp_path / "scene.tif"
    pixels = np.random.default_rng(0).integers(1, 255, (3, 150, 70), np.uint8)
    pixels[:, :5] = 0
    place = {"crs": "EPSG:32633", "transform": Affine(0.3, 0, 5e5, 0, -0.3, 5e6)}
    shape = {"height": 150, "width": 70, "count": 3, "dtype": "uint8", "nodata": 0}
    with rasterio.open(path, "w", driver="GTiff", **shape, **place) as file:
        file.write(pixels)
    return path


def scaled(path: Path, metres: float) -> Scaled:
    return Scaled(open_raster(path), Resampled(open_raster(path), metres), metres, "why")


@pytest.fixture(params=["own pixels", "finer", "coarser"])
def opened(scene: Path, request: pytest.FixtureRequest) -> Opened:
    """Opens the scene, as the network sees it."""
    metres = {"own pixels": None, "finer": 0.21, "coarser": 0.47}[request.param]
    return partial(open_raster, scene) if metres is None else partial(scaled, scene, metres)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def scatter(
    opened: Opened, output: Path, only: int | None = None, workers: int = 3, predict: Predictor | None = None
) -> Scatter:
    """Makes the last `only` strips, or all, the last one first, each with a reader of its own."""

    def run(spool: Spool, turn: str, rows: list[int]) -> Summary:
        total = Summary(0, 0.0, 0, 0, 0.0)
        for strip in plan_strips(rows, spool.gaps(), workers)[::-1][:only]:
            with opened() as reader:
                net = predict or Bright()
                total += map_strip(reader, net, output, {"scene": 1}, ALL, rows=strip, turn=turn)
        return total

    return run


def test_strips_have_the_bytes_of_a_single_run(opened: Opened, tmp_path: Path) -> None:
    with opened() as reader:
        map_scene(reader, Bright(), tmp_path / "whole" / "map.tif", {"scene": 1}, ALL)
        output = tmp_path / "strips" / "map.tif"
        summary = map_scene(reader, Bright(), output, {"scene": 1}, ALL, scatter=scatter(opened, output))
    assert summary is not None and summary.pixels == 150 * 70
    assert contents(output.parent) == contents(tmp_path / "whole")
    assert b"SMALTI_UNLIKE_TILES" in contents(output.parent)["map.tif"]


class Leaning(Bright):
    """The brightest band where two neighbours are taken together, so that views of a rough tile differ."""

    def __call__(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        self.calls += 1
        pixels = batch.astype(np.float32) + np.arange(3, dtype=np.float32)[:, None, None]
        two = (pixels + 2 * np.roll(pixels, 1, axis=3)) / 3
        level = batch.mean((1, 2, 3), np.float32)[:, None] / 255
        return {"landcover": two / two.sum(1, keepdims=True), "height": two[:, :1], UNLIKE: level}


def test_averaged_views_are_as_many_in_strips_and_resumed_runs(scene: Path, tmp_path: Path) -> None:
    with rasterio.open(scene, "r+") as file:
        pixels = file.read()
        pixels[:, 70:] = 40
        file.write(pixels)
    opened, net = partial(open_raster, scene), Leaning()

    def killed(spool: Spool, turn: str, rows: list[int]) -> Summary:
        scatter(opened, tmp_path / "strips" / "map.tif", only=1, predict=Averaged(Leaning()))(spool, turn, rows)
        raise KeyboardInterrupt

    with opened() as reader:
        whole = map_scene(reader, Averaged(net), tmp_path / "whole" / "map.tif", {"scene": 1}, ALL)
        with pytest.raises(KeyboardInterrupt):
            map_scene(reader, Averaged(net), tmp_path / "strips" / "map.tif", {"scene": 1}, ALL, scatter=killed)
        assert whole is not None and 2 * whole.tiles < net.calls < 8 * whole.tiles  # some tiles agree early, some not
        map_scene(reader, Averaged(net), tmp_path / "strips" / "map.tif", {"scene": 1}, ALL)
    assert contents(tmp_path / "strips") == contents(tmp_path / "whole")
    with rasterio.open(tmp_path / "whole" / "map.tif") as file:
        assert file.tags()["SMALTI_PASSES"] == PASSES


def test_a_plain_run_finishes_what_strips_have_begun(opened: Opened, tmp_path: Path) -> None:
    heard: list[int] = []
    said: list[str] = []
    output = tmp_path / "strips" / "map.tif"

    def killed(spool: Spool, turn: str, rows: list[int]) -> Summary:
        scatter(opened, output, only=1)(spool, turn, rows)
        raise KeyboardInterrupt

    with opened() as reader:
        map_scene(reader, Bright(), tmp_path / "whole" / "map.tif", {"scene": 1}, ALL)
        with pytest.raises(KeyboardInterrupt):
            map_scene(reader, Bright(), output, {"scene": 1}, ALL, scatter=killed)
        map_scene(reader, Bright(), output, {"scene": 1}, ALL, progress=heard.append, say=said.append)
    assert sum(heard) == 150 * 70
    assert f"{output}: resuming at row 0" in said
    assert contents(output.parent) == contents(tmp_path / "whole")


def test_a_strip_goes_on_where_it_was_killed(scene: Path, tmp_path: Path) -> None:
    output = tmp_path / "strips" / "map.tif"
    made: list[int] = []

    def twice(spool: Spool, turn: str, rows: list[int]) -> Summary:
        for begin, end in ((72, 96), (48, 120)):
            with open_raster(scene) as reader:
                done = map_strip(reader, Bright(), output, {"scene": 1}, ALL, rows=(begin, end), turn=turn)
            made.append(done.pixels // 70)
        return scatter(partial(open_raster, scene), output)(spool, turn, rows)

    with open_raster(scene) as reader:
        map_scene(reader, Bright(), tmp_path / "whole" / "map.tif", {"scene": 1}, ALL)
        map_scene(reader, Bright(), output, {"scene": 1}, ALL, scatter=twice)
    assert made == [24, 48]
    assert contents(output.parent) == contents(tmp_path / "whole")


def test_a_strip_has_one_process_and_its_turn(scene: Path, tmp_path: Path) -> None:
    output = tmp_path / "map.tif"
    folder = tmp_path / "map.tif.partial"

    def strip(turn: str) -> Summary:
        with open_raster(scene) as reader:
            return map_strip(reader, Bright(), output, {"scene": 1}, ALL, rows=(0, 48), turn=turn)

    def tried(spool: Spool, turn: str, _: list[int]) -> Summary:
        with pytest.raises(BusyError, match="no longer asked for"):
            strip("another")
        with hold(folder / "strip_00000000"), pytest.raises(BusyError, match="is already making it"):
            strip(turn)
        (folder / "job.json").write_text("{}")
        with pytest.raises(OutputError, match="give all machines the same scene, model and options"):
            strip(turn)
        raise KeyboardInterrupt

    with open_raster(scene) as reader, pytest.raises(KeyboardInterrupt):
        map_scene(reader, Bright(), output, {"scene": 1}, ALL, scatter=tried)


def test_strips_of_a_killed_run_are_waited_for(scene: Path, tmp_path: Path) -> None:
    output = tmp_path / "map.tif"
    turns: list[str] = []

    def killed(spool: Spool, turn: str, rows: list[int]) -> Summary:
        turns.append(turn)
        raise KeyboardInterrupt

    with open_raster(scene) as reader:
        with pytest.raises(KeyboardInterrupt):
            map_scene(reader, Bright(), output, {}, ALL, scatter=killed)
        with hold(tmp_path / "map.tif.partial" / "strip_00000048"), pytest.raises(BusyError, match="is already making"):
            map_scene(reader, Bright(), output, {}, ALL)
        with pytest.raises(BusyError, match="no longer asked for"):
            map_strip(reader, Bright(), output, {}, ALL, rows=(48, 96), turn=turns[0])
        code = (
            "import os; from pathlib import Path; from smalti.lock import hold\n"
            f"with hold(Path({str(tmp_path / 'map.tif.partial' / 'strip_00000048')!r})): os.kill(os.getpid(), 9)"
        )
        subprocess.run([sys.executable, "-c", code], check=False)
        map_scene(reader, Bright(), output, {}, ALL)
        with pytest.raises(BusyError, match="no longer asked for"):
            map_strip(reader, Bright(), output, {}, ALL, rows=(48, 96), turn=turns[0])
    assert not (tmp_path / "map.tif.partial").exists()


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 50])
@pytest.mark.parametrize("gaps", [[(0, 150)], [(24, 48), (96, 150)], []])
def test_strips_cover_the_gaps_once(scene: Path, gaps: list[Strip], workers: int) -> None:
    with open_raster(scene) as reader:
        rows = first_rows(reader, Bright())
    strips = plan_strips(rows, gaps, workers)
    assert [row for begin, end in strips for row in range(begin, end)] == [r for a, b in gaps for r in range(a, b)]
    assert all(begin in rows for begin, _ in strips)
    assert len(strips) <= workers + len(gaps)


def test_tall_scenes_have_two_strips_for_each_worker() -> None:
    rows = list(range(0, 4600, 100))
    assert len(plan_strips(rows, [(0, 4600)], 2)) == 4
    assert len(plan_strips(rows, [(0, 4600)], 4)) == 4
