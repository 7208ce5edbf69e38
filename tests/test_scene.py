import itertools
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from smalti.card import Card, Task
from smalti.scene import Summary, predict_scene
from smalti.tiling import Window


def small_card(tile: int = 16, overlap: int = 4, bands: int = 1) -> Card:
    return Card(
        name="small",
        net="none",
        bands=("red", "green", "blue")[:bands],
        mean=(0.5,) * bands,
        std=(1.0,) * bands,
        tile=tile,
        overlap=overlap,
        stride=1,
        tasks=(Task(name="cover", labels=("low", "middle", "high")),),
    )


@dataclass
class Threshold:
    """Soft classes of single pixels: an answer that does not depend on the tiling."""

    card: Card = field(default_factory=small_card)
    calls: int = 0

    def __call__(self, batch: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
        self.calls += 1
        x = batch[:, 0].astype(np.float32) / 255  # N,H,W
        p = np.stack([1 - x, x * 0.3, x * 0.7], 1)
        return {"cover": p}


class Scene:
    """A scene in memory, mirrored beyond its border, that collects what is written."""

    def __init__(self, height: int, width: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.pixels = rng.integers(0, 256, (1, height, width), np.uint8)
        self.valid = np.ones((height, width), bool)
        self.values = np.full((3, height, width), np.nan, np.float32)
        self.written = np.zeros((height, width), int)
        self.valid_seen = np.zeros((height, width), bool)

    def read(self, window: Window) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        height, width = self.valid.shape
        pad = (0, max(0, window.bottom - height)), (0, max(0, window.right - width))
        rows, cols = window.slices()
        pixels = np.pad(self.pixels[:, rows, cols], ((0, 0), *pad), mode="symmetric")
        return pixels, np.pad(self.valid[rows, cols], pad, mode="symmetric")

    def write(self, window: Window, values: dict[str, np.ndarray[Any, Any]], valid: np.ndarray[Any, Any]) -> None:
        self.values[:, *window.slices()] = values["cover"]
        self.written[window.slices()] += 1
        self.valid_seen[window.slices()] = valid


SIZES = [(1, 1), (1, 50), (16, 16), (17, 15), (28, 29), (33, 90), (71, 40)]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_pointwise_answers_come_back_whatever_the_size(height: int, width: int) -> None:
    scene, predict = Scene(height, width), Threshold()
    summary = predict_scene(scene.read, predict, scene.write, height, width)
    expected = predict(scene.pixels[None])["cover"][0]
    np.testing.assert_allclose(scene.values, expected, atol=1e-6)
    assert (scene.written == 1).all()
    assert summary.pixels == height * width


def test_tiles_without_a_valid_pixel_are_skipped_and_the_rest_is_untouched_by_them() -> None:
    scene, predict = Scene(40, 64), Threshold()
    scene.valid[:, :30] = False
    summary = predict_scene(scene.read, predict, scene.write, 40, 64)
    assert summary.skipped == 6  # the two left columns of three tiles
    assert summary.tiles == predict.calls == 9
    assert (scene.valid_seen == scene.valid).all()
    expected = predict(scene.pixels[None])["cover"][0]
    np.testing.assert_allclose(scene.values[:, :, 30:], expected[:, :, 30:], atol=1e-6)


@pytest.mark.parametrize("turned", [False, True])
def test_a_tile_that_is_valid_only_where_the_next_one_counts_too_is_asked(turned: bool) -> None:
    scene, predict = Scene(*(28, 16)[:: 1 if turned else -1]), Threshold()
    scene.valid[:] = False
    shared = (slice(12, 16), slice(None)) if turned else (slice(None), slice(12, 16))  # done by the second tile
    scene.valid[shared] = True
    summary = predict_scene(scene.read, predict, scene.write, *scene.valid.shape)
    assert (summary.tiles, summary.skipped) == (2, 0)
    expected = predict(scene.pixels[None])["cover"][0]
    np.testing.assert_allclose(scene.values[:, *shared], expected[:, *shared], atol=1e-6)


def test_the_net_never_sees_invalid_pixels() -> None:
    scene = Scene(16, 16)
    scene.valid[:4] = False
    seen: list[Any] = []

    class Watching(Threshold):
        def __call__(self, batch: np.ndarray[Any, Any]) -> Any:
            seen.append(batch)
            return super().__call__(batch)

    predict_scene(scene.read, Watching(), scene.write, 16, 16)
    assert (seen[0][0, 0, :4] == 127).all()  # the card's mean of 0.5
    assert (seen[0][0, 0, 4:] == scene.pixels[0, 4:]).all()


@dataclass
class Placed(Threshold):
    """Answers that depend on the place in the tile, so that every blending step shows."""

    def __call__(self, batch: np.ndarray[Any, Any]) -> Any:
        answers = super().__call__(batch)
        ramp = np.linspace(0, 1, batch.shape[-1], dtype=np.float32)
        answers["cover"] += ramp[:, None] * ramp**2
        return answers


@pytest.mark.parametrize("overlap", [4, 11])
@pytest.mark.parametrize("row", range(4))
def test_a_resumed_scene_is_bit_identical(overlap: int, row: int) -> None:
    card = small_card(overlap=overlap)
    whole, rest = Scene(45, 50), Scene(45, 50)
    predict_scene(whole.read, Placed(card), whole.write, 45, 50)
    rows_done = row * (16 - overlap)
    summary = predict_scene(rest.read, Placed(card), rest.write, 45, 50, rows_done=rows_done)
    assert np.isnan(rest.values[:, :rows_done]).all()
    assert (rest.values[:, rows_done:] == whole.values[:, rows_done:]).all()
    assert summary.pixels == (45 - rows_done) * 50


def test_the_summary_tells_what_was_done_and_how_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(100.0, 0.25)  # each look at the clock is a quarter of a second after the one before
    monkeypatch.setattr("smalti.scene.time.perf_counter", lambda: next(clock))
    scene = Scene(16, 28)
    summary = predict_scene(scene.read, Threshold(), scene.write, 16, 28)
    assert (summary.pixels, summary.tiles, summary.skipped) == (16 * 28, 2, 0)
    assert (summary.engine_seconds, summary.seconds) == (0.5, 1.25)  # two looks a tile, one before and one after all
    assert summary.megapixels_per_second == pytest.approx(16 * 28 / 1.25 / 1e6)
    assert Summary(10, 0.0, 1, 0, 0.0).megapixels_per_second == 0


def test_no_more_tiles_are_read_ahead_than_memory_is_promised_for() -> None:
    scene, read, asked = Scene(16, 160), [], []

    class Slow(Threshold):
        def __call__(self, batch: np.ndarray[Any, Any]) -> Any:
            time.sleep(0.02)  # the reader could be far ahead
            asked.append(len(read))
            return super().__call__(batch)

    predict_scene(lambda window: read.append(window) or scene.read(window), Slow(), scene.write, 16, 160)
    ahead = [found - number for number, found in enumerate(asked, start=1)]
    assert max(ahead) == 3


def test_a_resumed_scene_asks_no_tile_that_is_done() -> None:
    card = small_card(overlap=0)
    scene, predict = Scene(48, 16), Threshold(card)
    summary = predict_scene(scene.read, predict, scene.write, 48, 16, rows_done=16)
    assert summary.tiles == predict.calls == 2


def test_what_was_begun_is_ended_before_a_failure_is_told() -> None:
    scene, begun, ended = Scene(16, 160), [], []

    def write(window: Window, values: dict[str, np.ndarray[Any, Any]], valid: np.ndarray[Any, Any]) -> None:
        begun.append(window)
        time.sleep(0.05)
        ended.append(window)

    class Failing(Threshold):
        def __call__(self, batch: np.ndarray[Any, Any]) -> Any:
            if self.calls == 3:
                raise RuntimeError("no more")
            return super().__call__(batch)

    with pytest.raises(RuntimeError, match="no more"):
        predict_scene(scene.read, Failing(), write, 16, 160)
    assert begun == ended != []


def test_what_was_not_begun_is_dropped_after_a_failure() -> None:
    scene, read = Scene(16, 160), []

    def slow(window: Window) -> Any:
        read.append(window)
        if len(read) > 1:
            time.sleep(0.05)
        return scene.read(window)

    class Failing(Threshold):
        def __call__(self, batch: np.ndarray[Any, Any]) -> Any:
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        predict_scene(slow, Failing(), scene.write, 16, 160)
    assert len(read) <= 5  # of thirteen


def test_two_tiles_are_in_the_engine_at_a_time() -> None:
    scene, both = Scene(16, 160), threading.Barrier(2)

    class Meeting(Threshold):
        def __call__(self, batch: np.ndarray[Any, Any]) -> Any:
            both.wait(timeout=30)
            return super().__call__(batch)

    predict_scene(scene.read, Meeting(), scene.write, 16, 148)
    assert scene.written[:, :148].all()


def test_progress_adds_up_in_the_callers_thread() -> None:
    scene = Scene(40, 50)
    heard: list[tuple[int, int]] = []
    predict_scene(
        scene.read, Threshold(), scene.write, 40, 50, progress=lambda n: heard.append((n, threading.get_ident()))
    )
    assert sum(n for n, _ in heard) == 40 * 50
    assert {thread for _, thread in heard} == {threading.get_ident()}


@pytest.mark.parametrize("part", ["read", "predict", "write"])
def test_what_fails_in_any_thread_is_raised_and_ends_all_threads(part: str) -> None:
    scene, before = Scene(80, 80), set(threading.enumerate())
    parts: dict[str, Any] = {"read": scene.read, "predict": Threshold(), "write": scene.write}
    inner, calls = parts[part], iter(range(100))

    class Failing(Threshold):
        def __call__(self, *arguments: Any) -> Any:
            if next(calls) == 3:
                raise RuntimeError("no more")
            return inner(*arguments)

    with pytest.raises(RuntimeError, match="no more"):
        predict_scene(**(parts | {part: Failing()}), height=80, width=80)
    assert set(threading.enumerate()) <= before


def test_nothing_is_written_behind_a_window_that_could_not_be() -> None:
    scene, tried = Scene(64, 64), []

    def write(window: Window, values: dict[str, np.ndarray[Any, Any]], valid: np.ndarray[Any, Any]) -> None:
        tried.append(window)
        if len(tried) == 7:
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        predict_scene(scene.read, Threshold(), write, 64, 64)
    assert len(tried) == 7


def test_reader_engine_and_writer_work_at_the_same_time() -> None:
    scene = Scene(16, 112)
    gate = threading.Barrier(3, timeout=5)  # opens only when all three are inside at once
    calls = {"read": iter(range(99)), "predict": iter(range(99)), "write": iter(range(99))}

    def meeting(part: str, at: int, inner: Any) -> Any:
        def run(*arguments: Any) -> Any:
            if next(calls[part]) == at:
                gate.wait()
            return inner(*arguments)

        return run

    class Meeting(Threshold):
        def __call__(self, batch: np.ndarray[Any, Any]) -> Any:
            return meet(batch)

    meet = meeting("predict", 2, Threshold())
    read, write = meeting("read", 4, scene.read), meeting("write", 1, scene.write)
    predict_scene(read, Meeting(), write, 16, 112)
    assert not gate.broken and gate.n_waiting == 0
