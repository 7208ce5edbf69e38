import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from smalti.card import Task
from smalti.errors import RecipeError
from smalti.losses import Labels, Loss, LossSettings, edge_targets, make_loss

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
        "cover/aux2": torch.randn(n, CLASSES, h, w, generator=draw, requires_grad=True),
        "cover/aux3": torch.randn(n, CLASSES, h, w, generator=draw, requires_grad=True),
    }
    blocks = torch.randint(0, 3, (n, 2, 2), generator=draw)
    classes = blocks.repeat_interleave(6, 1).repeat_interleave(6, 2)[:, :h, :w].clone()
    classes[:, 4, 2:7] = 255
    valid = torch.rand(SHAPE, generator=draw) > 0.1
    return outputs, classes, valid


def loss(**terms: object) -> Loss:
    return make_loss(LossSettings.model_validate(terms), TASK)


def call(name: str, batch: Batch, **settings: object) -> Tensor:
    outputs, classes, valid = batch
    return loss(**{name: settings})(outputs, {"cover": classes}, valid)[name]


NAMES = [name for name in LossSettings.model_fields if name != "light"]


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


@pytest.mark.parametrize("weights", [(), (1.0, 0.5, 2.0, 3.0)])
def test_label_smoothing(batch: Batch, weights: tuple[float, ...]) -> None:
    guess, where, share = softmax(slow(batch[0]["cover"])), pixels(batch), 0.2
    counts = [sum(int(batch[1][p]) == c for p in where) for c in range(CLASSES)]
    ours = weights or tuple(2 - count / len(where) for count in counts)
    total = 0.0
    for n, i, j in where:
        for c in range(CLASSES):
            target = (1 - share) * (int(batch[1][n, i, j]) == c) + share / CLASSES
            total -= ours[c] * target * math.log(guess[n, c, i, j])
    expected = total / sum(ours[int(batch[1][p])] for p in where)
    found = call("cross_entropy", batch, classes=weights, smoothing=share)
    assert found.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("alpha", [(), (0.2, 1.0, 3.0, 1.0)])
def test_focal(batch: Batch, gamma: float, alpha: tuple[float, ...]) -> None:
    total, where = 0.0, pixels(batch)
    for p, c in zip(true_shares(batch), true_classes(batch), strict=True):
        total -= (alpha[c] if alpha else 1) * (1 - p) ** gamma * math.log(p)
    assert call("focal", batch, gamma=gamma, alpha=alpha).item() == pytest.approx(total / len(where), rel=1e-5)


@pytest.mark.parametrize("keep", [1.0, 0.3, 0.001])
def test_ohem(batch: Batch, keep: float) -> None:
    losses = sorted((-math.log(p) for p in true_shares(batch)), reverse=True)
    expected = np.mean(losses[: math.ceil(keep * len(losses))])
    assert call("ohem", batch, keep=keep).item() == pytest.approx(expected, rel=1e-5)


def test_aux_is_the_cross_entropy_of_each_further_head(batch: Batch) -> None:
    outputs, *labels = batch
    parts = [call("cross_entropy", ({"cover": outputs[name]}, *labels)) for name in ("cover/aux2", "cover/aux3")]
    assert call("aux", batch).item() == pytest.approx(sum(part.item() for part in parts))


def true_classes(batch: Batch) -> list[int]:
    return [int(batch[1][p]) for p in pixels(batch)]


def true_shares(batch: Batch) -> list[float]:
    """The probability of the true class of each pixel that counts."""
    guess = softmax(slow(batch[0]["cover"]))
    return [float(guess[n, int(batch[1][n, i, j]), i, j]) for n, i, j in pixels(batch)]


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
    same = call("boundary_relaxation", (plain, classes, valid)).item()
    assert same == pytest.approx(call("boundary_relaxation", batch).item())


def test_dice(batch: Batch) -> None:
    outputs, classes, _ = batch
    guess, scores = softmax(slow(outputs["cover"])), []
    for c in range(CLASSES):
        truth = [int(classes[p]) == c for p in pixels(batch)]
        found = [guess[n, c, i, j] for n, i, j in pixels(batch)]
        if any(truth):
            scores.append(2 * np.dot(truth, found) / (sum(truth) + sum(found)))
    assert call("dice", batch).item() == pytest.approx(1 - np.mean(scores), rel=1e-5)


def areas(batch: Batch) -> list[tuple[float, float, float]]:
    """Of each class present: what truth and map have both, what only the map has, what only the truth has."""
    guess, found = softmax(slow(batch[0]["cover"])), []
    for c in range(CLASSES):
        truth = np.array([int(batch[1][p]) == c for p in pixels(batch)])
        shares = np.array([guess[n, c, i, j] for n, i, j in pixels(batch)])
        if truth.any():
            found.append((shares[truth].sum(), shares[~truth].sum(), (1 - shares[truth]).sum()))
    return found


def test_jaccard(batch: Batch) -> None:
    scores = [both / (both + extra + missed) for both, extra, missed in areas(batch)]
    assert call("jaccard", batch).item() == pytest.approx(1 - np.mean(scores), rel=1e-5)


def test_tversky(batch: Batch) -> None:
    scores = [both / (both + 0.2 * extra + 0.9 * missed) for both, extra, missed in areas(batch)]
    assert call("tversky", batch, alpha=0.2, beta=0.9).item() == pytest.approx(1 - np.mean(scores), rel=1e-5)
    for name, half in (("dice", 0.5), ("jaccard", 1.0)):
        assert call("tversky", batch, alpha=half, beta=half).item() == pytest.approx(call(name, batch).item(), rel=1e-5)


def test_lovasz(batch: Batch) -> None:
    """The extension by its definition: wrong pixels join one by one, the worst first, and the set's loss is taken."""
    guess, where, losses = softmax(slow(batch[0]["cover"])), pixels(batch), []
    for c in range(CLASSES):
        truth = {p for p in where if int(batch[1][p]) == c}
        errors = {(n, i, j): abs(((n, i, j) in truth) - guess[n, c, i, j]) for n, i, j in where}
        wrong: set[tuple[int, int, int]] = set()
        total = before = 0.0
        for p in sorted(where, key=lambda p: -errors[p]):
            wrong.add(p)
            after = len(wrong) / len(truth | wrong)
            total += errors[p] * (after - before)
            before = after
        if truth:
            losses.append(total)
    assert call("lovasz", batch).item() == pytest.approx(np.mean(losses), rel=1e-5)


def test_lovasz_of_a_map_of_whole_classes_is_its_jaccard_loss(batch: Batch) -> None:
    outputs, classes, valid = batch
    hard = (outputs["cover"].argmax(1, keepdim=True) == torch.arange(CLASSES)[:, None, None]) * 100.0
    sharp = ({"cover": hard}, classes, valid)
    assert call("lovasz", sharp).item() == pytest.approx(call("jaccard", sharp).item(), rel=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_pixels_that_do_not_count_change_nothing(name: str, batch: Batch) -> None:
    outputs, classes, valid = batch
    before = call(name, batch)
    counts = valid & (classes != 255)
    others = {key: torch.where(counts[:, None], x, 9 * torch.ones_like(x)) for key, x in outputs.items()}
    relabelled = torch.where(valid, classes, (classes + 1) % 3)
    torch.testing.assert_close(call(name, (others, relabelled, valid)), before)


@pytest.mark.parametrize("name", NAMES)
def test_without_a_valid_pixel_the_loss_is_0_and_has_a_graph(name: str, batch: Batch) -> None:
    outputs, classes, valid = batch
    found = call(name, (outputs, classes, torch.zeros_like(valid)))
    found.backward()
    assert found.item() == 0
    touched = [x.grad for x in outputs.values() if x.grad is not None]
    assert touched and all((grad == 0).all() for grad in touched)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("one_class", [False, True])
def test_gradients_stay_finite_where_a_net_is_sure(name: str, one_class: bool, batch: Batch) -> None:
    outputs, classes, valid = batch
    if one_class:
        classes = torch.zeros_like(classes)
    call(name, ({key: 40 * x for key, x in outputs.items()}, classes, valid)).backward()
    assert all(x.grad.isfinite().all() for x in outputs.values() if x.grad is not None)


def test_light_is_its_three_terms_and_weights_multiply(batch: Batch) -> None:
    outputs, classes, valid = batch
    terms = loss(light=0.5, dice=2.0)(outputs, {"cover": classes}, valid)
    assert set(terms) == {"cross_entropy", "edge", "boundary_relaxation", "dice"}
    for name, term in terms.items():
        assert term.item() == pytest.approx((2.0 if name == "dice" else 0.5) * call(name, batch).item())


def test_terms_that_come_twice_add_up() -> None:
    assert {name: term.weight for name, term in loss(light=0.5, edge=2).terms.items()} == {
        "edge": 2.5,
        "cross_entropy": 0.5,
        "boundary_relaxation": 0.5,
    }


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({}, "at least one term of cross_entropy, focal"),
        ({"dice": "much"}, "expected a weight or a table"),
        ({"dice": -1}, "greater than 0"),
        ({"ohem": {"keep": 0}}, "greater than 0"),
        ({"cross_entropy": {"classes": [1, 2]}}, "classes has 2 values, task cover has 4 classes"),
        ({"cross_entropy": {"classes": [0, 0, 0, 0]}}, "not all of them 0"),
        ({"focal": {"alpha": [1.0]}}, "alpha has 1 values, task cover has 4 classes"),
        ({"focal": {"alpha": [1, -1, 1, 1]}}, "alpha must be weights of 0 or more, not all of them 0"),
        ({"focal": {"alpha": [0, 0, 0, 0]}}, "alpha must be weights of 0 or more"),
    ],
)
def test_settings_that_cannot_be_are_told(terms: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        loss(**terms)


@pytest.mark.parametrize(("name", "output"), [("edge", "cover/edge"), ("aux", r"cover/aux\.\.\.")])
def test_a_missing_head_is_told(name: str, output: str, batch: Batch) -> None:
    outputs, classes, valid = batch
    with pytest.raises(RecipeError, match=f"'{name}' needs a net with .*'{output}'; this one has cover"):
        call(name, ({"cover": outputs["cover"]}, classes, valid))
