from typing import Any

import numpy as np
import pytest

from smalti.card import Task
from smalti.products import Product, best_class, uncertainty

COVER = Task(name="cover", labels=("a", "b", "c"))
HEIGHT = Task(name="height", kind="value", unit="m")


@pytest.mark.parametrize("classes", [1, 2, 5, 40])
def test_best_class_is_argmax_ties_included(classes: int) -> None:
    values = np.random.default_rng(0).integers(0, 4, (classes, 30, 20)).astype(np.float32)
    assert (best_class(values) == values.argmax(0)).all()


def encoded(product: Product, values: np.ndarray[Any, Any], valid: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    out = np.empty((len(product.bands), *valid.shape), product.dtype)
    product.encode(values, valid, out)
    return out


def test_each_form_of_a_class_task() -> None:
    values = np.array([[[0.2, 1.0, 0.1]], [[0.5, 0.0, 0.1]], [[0.3, 0.0, 0.8]]], np.float32)  # K,H,W
    valid = np.array([[True, True, False]])
    assert encoded(Product(COVER, "classes"), values, valid).tolist() == [[[1, 0, 255]]]
    assert encoded(Product(COVER, "confidence"), values, valid).tolist() == [[[125, 250, 255]]]
    assert encoded(Product(COVER, "probabilities"), values, valid)[:, 0].T.tolist() == [
        [50, 125, 75],
        [250, 0, 0],
        [255, 255, 255],
    ]
    assert Product(COVER, "probabilities").bands == ("a", "b", "c")


def test_uncertainty_is_the_calibrated_probability_of_another_class() -> None:
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 2, (3, 4, 5))
    for temperature in (0.5, 1.0, 2.5):
        power = np.exp(logits / temperature)
        expected = 1 - (power / power.sum(0)).max(0)
        raw = np.exp(logits)
        found = uncertainty((raw / raw.sum(0)).astype(np.float32), temperature)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-5)
    sure = np.array([[[1.0]], [[0.0]], [[0.0]]], np.float32)
    assert uncertainty(sure, None).item() == 0 and uncertainty(sure, 1.5).item() < 1e-4


def test_uncertainty_is_stored_as_the_other_probabilities_are() -> None:
    values = np.array([[[0.2, 1.0, 0.1]], [[0.5, 0.0, 0.1]], [[0.3, 0.0, 0.8]]], np.float32)  # K,H,W
    valid = np.array([[True, True, False]])
    assert encoded(Product(COVER, "uncertainty"), values, valid).tolist() == [[[125, 0, 255]]]
    hot = Product(COVER.model_copy(update={"temperature": 1e6}), "uncertainty")
    assert encoded(hot, values, valid)[0, 0, 0] == 167  # two thirds of 250: three classes alike
    assert hot.bands == ("uncertainty of cover",) and hot.nodata == 255


def test_values_keep_their_type_and_carry_nan_where_there_are_none() -> None:
    product = Product(HEIGHT, "values")
    out = encoded(product, np.array([[[2.5, 3.0]]], np.float32), np.array([[True, False]]))
    assert product.bands == ("height in m",)
    assert out.dtype == np.float32
    assert out[0, 0, 0] == 2.5
    assert np.isnan(out[0, 0, 1])


def test_rounding_leads_no_value_below_the_tasks_minimum() -> None:
    product = Product(HEIGHT.model_copy(update={"minimum": 0.0}), "values")
    out = encoded(product, np.array([[[-2e-6, 3.0, np.nan]]], np.float32), np.array([[True, True, False]]))
    assert out[0, 0, :2].tolist() == [0, 3] and np.isnan(out[0, 0, 2])
