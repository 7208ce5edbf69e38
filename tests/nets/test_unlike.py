"""How unlike its training an image is, of a net's deepest map and probabilities."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from smalti.card import Card, Task, Unlike
from smalti.errors import ModelError
from smalti.nets.build import build
from smalti.nets.unlike import Unlikeness, find_encoder, kept_maps
from smalti.training.predict import TorchPredictor

TASK = Task(name="cover", labels=("a", "b"))
OPTIONS = {"encoder": "mobilenetv2", "width": 0.25}


def numbers(channels: int) -> Unlike:
    factors = tuple(np.linspace(-0.5, 0.5, channels).round(3).tolist())
    return Unlike(maps=factors, classes=(0.3, -0.2), entropy=0.7, confidence=-0.4, bias=0.1, threshold=0.5)


def test_it_is_the_logistic_function_of_means_over_the_image() -> None:
    rng = np.random.default_rng(0)
    deepest, logits = rng.random((2, 3, 2, 5)), rng.normal(0, 2, (2, 2, 8, 20))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    found = Unlikeness(numbers(3))(torch.tensor(deepest).float(), torch.tensor(p).float())
    seen = p[:, :, ::4, ::4]
    z = deepest.mean((2, 3)) @ [-0.5, 0, 0.5] + seen.mean((2, 3)) @ [0.3, -0.2]
    z += 0.7 * -(seen * np.log(seen)).sum(1).mean((1, 2)) - 0.4 * seen.max(1).mean((1, 2)) + 0.1
    np.testing.assert_allclose(found.numpy(), 1 / (1 + np.exp(-z))[:, None], rtol=1e-5)


@pytest.mark.parametrize("net", ["ued", "unetformer"])
def test_a_checkpoints_predictor_gives_it_in_every_thread(net: str) -> None:
    torch.manual_seed(0)
    card = Card(name="n", net=net, options=OPTIONS if net == "ued" else {}, tile=64, overlap=0, tasks=(TASK,))
    channels = find_encoder(build(card), card).channels[-1]
    predict = TorchPredictor(build(card.model_copy(update={"unlike": numbers(channels)}), seed=0))
    batches = [np.random.default_rng(k).integers(0, 255, (1, 3, 64, 64), np.uint8) for k in range(6)]
    alone = [predict(batch)["unlike"] for batch in batches]
    assert all(each.shape == (1, 1) and 0 < each[0, 0] < 1 for each in alone)
    with ThreadPoolExecutor(3) as pool:
        for each, known in zip(pool.map(predict, batches), alone, strict=True):
            np.testing.assert_allclose(each["unlike"], known, rtol=1e-4)


def test_tasks_that_share_an_encoder_have_one() -> None:
    tasks = (TASK, TASK.model_copy(update={"name": "other"}))
    options = {"encoder": "resnet18", "width": 0.125, "sharing": "shared"}
    shared = Card(name="n", net="multitask", options=options, tile=64, overlap=0, tasks=tasks)
    assert find_encoder(build(shared), shared).strides == (4, 8, 16, 32)
    apart = shared.model_copy(update={"options": options | {"sharing": "separate"}})
    with pytest.raises(ModelError, match="net multitask has no encoder of its own"):
        find_encoder(build(apart), apart)


def test_only_maps_of_the_block_are_kept() -> None:
    card = Card(name="n", net="ued", options=OPTIONS, tile=64, overlap=0, tasks=(TASK,))
    model = build(card).eval()
    encoder = find_encoder(model, card)
    with kept_maps(encoder) as maps:
        model(torch.zeros(1, 3, 64, 64))
    model(torch.zeros(1, 3, 64, 64))
    assert [tuple(each.shape) for each in maps] == [(1, encoder.channels[-1], 2, 2)]
