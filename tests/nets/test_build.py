import numpy as np
import pytest
import torch

from smalti.card import Card, Task
from smalti.errors import ModelError
from smalti.nets.build import Normalise, build

TASK = Task(name="cover", labels=("a", "b"))
CARD = Card(name="m", net="ued", options={"encoder": "mobilenetv2"}, tasks=(TASK,))


def test_a_model_takes_raw_pixels() -> None:
    model = build(CARD).eval()
    with torch.no_grad():
        answer = model(torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8))
    assert answer["cover"].shape == (1, 2, 32, 32)


def test_normalisation_is_the_cards() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5)).astype(np.uint8)
    mean, std = (np.array(values).reshape(1, 3, 1, 1) for values in (CARD.mean, CARD.std))
    expected = (pixels * CARD.scale - mean) / std
    found = build(CARD).normalise(torch.from_numpy(pixels))
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


def test_pixels_that_are_no_number_enter_as_the_mean() -> None:
    x = torch.tensor([float("nan"), float("inf"), -float("inf"), 2.0]).view(1, 1, 2, 2)
    y = Normalise(1.0, (1.0,), (0.5,))(x)
    assert y.flatten().tolist() == [0.0, 0.0, 0.0, 2.0]


def test_the_statistics_stay_in_the_card() -> None:
    assert not [key for key in build(CARD).state_dict() if "normalise" in key]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"net": "unett"}, "model m: unknown net 'unett'; expected one of ued"),
        ({"options": {"encoder": "vgg"}}, "unknown encoder 'vgg'"),
        ({"options": {"depth": 3}}, "options .* do not fit net ued.*depth"),
        ({"net": "fcn8s", "options": {"stride": 4}}, "down to stride 32, 16 or 8, not 4"),
        ({"net": "deeplabv3plus", "options": {"multi_grid": 2}}, "options .* do not fit net deeplabv3plus"),
        ({"net": "fcn8s", "options": {"hidden": -1, "width": 0.1}}, "options .* do not fit net fcn8s"),
        ({"tasks": (TASK, Task(name="h", kind="value"))}, "one task, the card has 2"),
    ],
)
def test_an_unfit_card_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build(CARD.model_copy(update=change))
