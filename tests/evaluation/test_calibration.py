"""Temperature and calibration error against their definitions, and their way through an evaluation into a card."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import smalti as sm
from smalti.card import Task
from smalti.deploy.release import with_temperatures
from smalti.evaluation.calibration import (
    BINS,
    COLDEST,
    HOTTEST,
    ImageSample,
    PixelSample,
    calibration_error,
    fit_temperature,
)
from smalti.evaluation.classes import ClassResult
from smalti.label_sets import class_groups, id_of, with_sets
from tests.tiny import tiny_card, tiny_model


def drawn(temperature: float, count: int = 20_000, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of a model that is `temperature` times too sure, and classes drawn by the true ones."""
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 2, (count, classes))
    true = np.exp(logits)
    true /= true.sum(1, keepdims=True)
    found = (true.cumsum(1) > draw.random((count, 1))).argmax(1)
    said = true**temperature
    return (said / said.sum(1, keepdims=True)).astype(np.float32), found


def task_of(classes: int, *sets: tuple[int, ...]) -> Task:
    names = tuple("abcdef"[:classes])
    return with_sets(Task(name="cover", labels=names, colors=tuple((k, 0, 0) for k in range(classes))), sets)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_what_made_a_model_too_sure(temperature: float) -> None:
    p, y = drawn(temperature)
    best = fit_temperature(p, y)
    assert best == pytest.approx(temperature, rel=0.04)
    assert calibration_error(p, y, temperature=best) < 0.015
    if temperature != 1:
        assert calibration_error(p, y) > 0.05


def test_no_other_temperature_has_a_smaller_likelihood_loss() -> None:
    p, y = drawn(2.0, count=500)

    def loss(temperature: float) -> float:
        q = p.astype(float) ** (1 / temperature)
        return -float(np.log(q[np.arange(len(y)), y] / q.sum(1)).mean())

    best = fit_temperature(p, y)
    assert all(loss(best) <= loss(t) + 1e-9 for t in np.geomspace(COLDEST, HOTTEST, 400))


def test_it_stays_within_its_bounds() -> None:
    right = np.array([[0.6, 0.4]] * 10, np.float32)
    assert fit_temperature(right, np.zeros(10, int)) == pytest.approx(COLDEST, rel=1e-3)
    assert fit_temperature(right, np.ones(10, int)) == pytest.approx(HOTTEST, rel=1e-3)
    zeros = np.array([[1.0, 0.0], [1.0, 0.0]], np.float32)
    assert math.isfinite(fit_temperature(zeros, np.array([0, 1])))


def test_the_error_is_its_definition() -> None:
    p, y = drawn(1.7, count=3000)
    sure, right = p.max(1), p.argmax(1) == y
    expected = 0.0
    for low in np.arange(BINS) / BINS:
        inside = (sure >= low) & (sure < low + 1 / BINS) if low < 1 - 1 / BINS else sure >= low
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - sure[inside].mean())
    assert calibration_error(p, y) == pytest.approx(expected, abs=1e-4)


def test_a_sample_is_bounded_and_spread_evenly() -> None:
    sample = PixelSample()
    for number in range(60):
        part = np.full((3000, 2), number, np.float32)
        sample.add(part, np.full(3000, number, np.uint8), np.arange(2, dtype=np.uint8))
    kept = np.concatenate(sample.truth)
    assert 1 << 14 < len(kept) <= 1 << 16 and sample.step > 7
    assert len(np.unique(kept)) == 60
    np.testing.assert_array_equal(np.concatenate(sample.probabilities)[:, 0], kept)


def test_pixels_keep_their_labels_whatever_the_windows() -> None:
    height, width, classes = 21, 50, 3
    draw = np.random.default_rng(0)
    truth = draw.integers(0, classes + 1, (height, width)).astype(np.uint8)
    truth[truth == classes] = 255
    values = np.stack([truth == k for k in range(classes)]).astype(np.float32)
    valid = draw.random((height, width)) < 0.8
    sample = PixelSample()
    image = ImageSample(sample, width, task_of(classes))
    for top, bottom in ((0, 8), (8, 21)):
        for left, right in ((0, 17), (17, 40), (40, 50)):
            part = np.s_[top:bottom, left:right]
            image.predicted(top, left, values[:, *part], valid[part])
        image.labelled(truth[top:bottom])
    chosen = (np.arange(height * width).reshape(height, width) % 7 == 0) & valid & (truth < classes)
    found = sample.calibration(None)
    assert found is not None and found.pixels == chosen.sum()
    np.testing.assert_array_equal(np.concatenate(sample.probabilities).argmax(1), np.concatenate(sample.truth))
    assert found.error == pytest.approx(0, abs=1e-6)
    assert PixelSample().calibration(None) is None


@pytest.mark.parametrize(
    ("sets", "groups"),
    [((), [0, 1, 2, 3]), (((1, 2),), [0, 1, 1, 3]), (((0, 3), (1, 3)), [0, 0, 2, 0]), (((0, 1), (2, 3)), [0, 0, 2, 2])],
)
def test_classes_that_labels_do_not_tell_apart_are_one_group(
    sets: tuple[tuple[int, ...], ...], groups: list[int]
) -> None:
    assert class_groups(task_of(4, *sets)).tolist() == groups


@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_labels_of_sets_find_the_same_temperature(temperature: float) -> None:
    """Labels "a" and "not a" show that a model is too sure; pixels of a alone would not."""
    p, classes = drawn(temperature)
    task = task_of(4, (1, 2, 3))
    labels = np.where(classes == 0, 0, id_of(task, (1, 2, 3))).astype(np.uint8)[None]
    sample = PixelSample(step=1)
    image = ImageSample(sample, len(classes), task)
    image.predicted(0, 0, p.T[:, None], np.ones(labels.shape, bool))
    image.labelled(labels)
    found = sample.calibration(None)
    assert found is not None and found.pixels == len(classes)
    assert found.temperature == pytest.approx(temperature, rel=0.06)
    assert found.calibrated_error < 0.015 < 0.04 < found.error


def test_labels_that_tell_nothing_apart_measure_nothing() -> None:
    sample = PixelSample(step=1)
    image = ImageSample(sample, 4, task_of(3, (0, 1), (1, 2)))
    image.predicted(0, 0, np.full((3, 1, 4), 1 / 3, np.float32), np.ones((1, 4), bool))
    image.labelled(np.array([[0, 1, 3, 4]], np.uint8))
    assert sample.calibration(None) is None


def test_an_evaluation_measures_it_and_a_card_takes_it(tmp_path: Path) -> None:
    """By the tiny model, which answers with softmax(50 * pixel): as sure as its brightest band is bright."""
    draw = np.random.default_rng(0)
    pixels = draw.integers(90, 170, (3, 96, 80)).astype(np.uint8)
    logits = pixels / 255 * 50
    powers = np.exp(logits / 6)  # the truth: a temperature of 6
    truth = ((powers / powers.sum(0)).cumsum(0) > draw.random((1, 96, 80))).argmax(0).astype(np.uint8)
    for folder, image in (("images", np.moveaxis(pixels, 0, 2)), ("labels", truth)):
        (tmp_path / folder).mkdir()
        Image.fromarray(image).save(tmp_path / folder / "a.png")
    model = sm.open_model(tiny_model(tmp_path / "tiny.onnx", tiny_card()))
    found = sm.evaluate(model, tmp_path)
    [result] = found.results
    assert isinstance(result, ClassResult) and result.calibration is not None
    assert result.calibration.pixels == -(-96 * 80 // 7)
    assert result.calibration.temperature == pytest.approx(6, rel=0.15)
    assert result.calibration.calibrated_error < 0.08 < 0.2 < result.calibration.error
    assert "calibration error" in str(found) and "the best one here" in str(found)
    (tmp_path / "found.json").write_text(found.to_json())
    card = with_temperatures(tiny_card(), tmp_path / "found.json")
    again = sm.evaluate(sm.open_model(tiny_model(tmp_path / "hot.onnx", card)), tmp_path)
    assert again.results[0].calibration.error == pytest.approx(result.calibration.calibrated_error)  # type: ignore[attr-defined]


def test_merged_samples_keep_one_pixel_in_as_many_of_all_images() -> None:
    def of(pixels: int) -> PixelSample:
        sample = PixelSample()
        sample.add(np.full((pixels, 2), 0.5, np.float32), np.zeros(pixels, np.uint8), np.arange(2, dtype=np.uint8))
        return sample

    large, small = of(100_000), of(3_000)
    assert (large.step, small.step) == (21, 7)
    small.merge(large)
    assert small.step == 21 and sum(map(len, small.truth)) == -(-100_000 // 3) + 1_000
    empty = PixelSample()
    empty.merge(of(100_000))
    assert empty.step == 21
