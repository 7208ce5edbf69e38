import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from smalti.card import Task
from smalti.errors import RecipeError
from smalti.losses import LOSSES, Labels, edge_targets, make_loss

CLASSES, SHAPE = 4, (2, 9, 11)
TASK = Task(name="cover", labels=("a", "b", "c", "d"))
Batch = tuple[dict[str, Tensor], Tensor, Tensor]


@pytest.fixture
def batch() -> Batch:
    """Outputs, classes (d never occurs; some are `ignore`), validity."""
    draw = torch.Generator().manual_seed(5)
    n, h, w = SHAPE
    outputs = {
        "cover": torch.randn(n, CLASSES, h, w, generator=draw, requires_grad=True),
        "cover/body": torch.randn(n, CLASSES, h, w, generator=draw, requires_grad=True),
        "cover/edge": torch.randn(n, 1, h, w, generator=draw, requires_grad=True),
    }
    blocks = torch.randint(0, 3, (n, 2, 2), generator=draw)
    classes = blocks.repeat_interleave(6, 1).repeat_interleave(6, 2)[:, :h, :w].clone()
    classes[:, 4, 2:7] = 255
    valid = torch.rand(SHAPE, generator=draw) > 0.1
    return outputs, classes, valid


def call(name: str, batch: Batch) -> Tensor:
    outputs, classes, valid = batch
    return make_loss({name: 1.0}, TASK)(outputs, {"cover": classes}, valid)[name]


def slow(x: Tensor) -> np.ndarray:
    return x.detach().double().numpy()


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return np.asarray(powers / powers.sum(1, keepdims=True))


def pixels(batch: Batch) -> list[tuple[int, int, int]]:
    _, classes, valid = batch
    return [
        p
        for p in itertools.product(range(SHAPE[0]), range(SHAPE[1]), range(SHAPE[2]))
        if valid[p] and classes[p] != 255
    ]


def test_cross_entropy(batch: Batch) -> None:
    outputs, classes, _ = batch
    guess, where = softmax(slow(outputs["cover"])), pixels(batch)
    counts = [sum(int(classes[p]) == c for p in where) for c in range(CLASSES)]
    assert 0 in counts
    total = weights = 0.0
    for n, i, j in where:
        c = int(classes[n, i, j])
        weight = 1 + (1 - counts[c] / len(where))
        total -= weight * math.log(guess[n, c, i, j])
        weights += weight
    assert call("cross_entropy", batch).item() == pytest.approx(total / weights, rel=1e-5)


def slow_edges(batch: Batch) -> np.ndarray:
    _, classes, _ = batch
    where = set(pixels(batch))
    marks = set()
    for n, i, j in where:
        for other in ((n, i, j + 1), (n, i + 1, j)):
            if other in where and classes[other] != classes[n, i, j]:
                marks.add((n, i, j))
    edges = np.zeros(SHAPE, bool)
    for n, i, j in marks:
        edges[n, max(i - 2, 0) : i + 3, max(j - 2, 0) : j + 3] = True
    return edges


def test_edge(batch: Batch) -> None:
    edges, logits = slow_edges(batch), slow(batch[0]["cover/edge"])
    sides: dict[bool, list[float]] = {True: [], False: []}
    for n, i, j in pixels(batch):
        truth = bool(edges[n, i, j])
        sides[truth].append(math.log1p(math.exp(-logits[n, 0, i, j] if truth else logits[n, 0, i, j])))
    expected = float(np.mean(sides[True]) + np.mean(sides[False])) / 2
    assert call("edge", batch).item() == pytest.approx(expected, rel=1e-5)


def test_edges_are_drawn_five_pixels_wide() -> None:
    classes = torch.zeros(1, 20, 20, dtype=torch.long)
    classes[:, :, 10:] = 1
    classes[:, 15:] = 255
    labels = Labels(classes, classes != 255)
    edges = edge_targets(labels)[0]
    assert edges[3].nonzero().flatten().tolist() == [7, 8, 9, 10, 11]
    assert not edges[17].any()  # where the labelled part ends is no edge


def test_boundary_relaxation(batch: Batch) -> None:
    outputs, classes, _ = batch
    guess, where = softmax(slow(outputs["cover/body"])), pixels(batch)
    counted, total = set(where), 0.0
    for n, i, j in where:
        around = [(n, i + a, j + b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (n, i + a, j + b) in counted]
        for c in range(CLASSES):
            truth = np.mean([classes[p].item() == c for p in around])
            if truth:
                total += float(truth) * math.log(truth / np.mean([guess[m, c, y, x] for m, y, x in around]))
    assert call("boundary_relaxation", batch).item() == pytest.approx(total / len(where), rel=1e-5)


def test_boundary_relaxation_of_a_net_without_a_body(batch: Batch) -> None:
    outputs, classes, valid = batch
    plain = {"cover": outputs["cover/body"]}
    assert call("boundary_relaxation", (plain, classes, valid)).item() == call("boundary_relaxation", batch).item()


def test_dice(batch: Batch) -> None:
    outputs, classes, _ = batch
    guess, scores = softmax(slow(outputs["cover"])), []
    for c in range(CLASSES):
        truth = [int(classes[p]) == c for p in pixels(batch)]
        found = [guess[n, c, i, j] for n, i, j in pixels(batch)]
        if any(truth):
            scores.append(2 * np.dot(truth, found) / (sum(truth) + sum(found)))
    assert call("dice", batch).item() == pytest.approx(1 - np.mean(scores), rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_pixels_that_do_not_count_change_nothing(name: str, batch: Batch) -> None:
    outputs, classes, valid = batch
    before = call(name, batch)
    counts = valid & (classes != 255)
    others = {key: torch.where(counts[:, None], x, 9 * torch.ones_like(x)) for key, x in outputs.items()}
    relabelled = torch.where(valid, classes, (classes + 1) % 3)
    torch.testing.assert_close(call(name, (others, relabelled, valid)), before)


@pytest.mark.parametrize("name", LOSSES)
def test_without_a_valid_pixel_the_loss_is_0_and_has_a_graph(name: str, batch: Batch) -> None:
    outputs, classes, valid = batch
    loss = call(name, (outputs, classes, torch.zeros_like(valid)))
    loss.backward()
    assert loss.item() == 0
    touched = [x.grad for x in outputs.values() if x.grad is not None]
    assert touched and all((grad == 0).all() for grad in touched)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("one_class", [False, True])
def test_gradients_stay_finite_where_a_net_is_sure(name: str, one_class: bool, batch: Batch) -> None:
    outputs, classes, valid = batch
    if one_class:
        classes = torch.zeros_like(classes)
    call(name, ({key: 40 * x for key, x in outputs.items()}, classes, valid)).backward()
    assert all(x.grad.isfinite().all() for x in outputs.values() if x.grad is not None)


def test_light_is_its_three_terms_and_weights_multiply(batch: Batch) -> None:
    outputs, classes, valid = batch
    terms = make_loss({"light": 0.5, "dice": 2.0}, TASK)(outputs, {"cover": classes}, valid)
    assert set(terms) == {"cross_entropy", "edge", "boundary_relaxation", "dice"}
    for name, term in terms.items():
        assert term.item() == pytest.approx((2.0 if name == "dice" else 0.5) * call(name, batch).item())


def test_a_wrong_name_and_a_missing_head_are_told(batch: Batch) -> None:
    with pytest.raises(RecipeError, match="no loss 'focal'; there are cross_entropy"):
        make_loss({"focal": 1.0}, TASK)
    outputs, classes, valid = batch
    with pytest.raises(RecipeError, match="'edge' needs a net with the output 'cover/edge'"):
        call("edge", ({"cover": outputs["cover"]}, classes, valid))
