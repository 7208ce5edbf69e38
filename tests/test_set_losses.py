"""Each term of the loss on labels that allow sets of classes, against its formula, pixel by pixel in float64."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from smalti.card import Task
from smalti.label_sets import set_ids, with_sets
from smalti.losses import Labels, Loss, LossSettings, edge_labels, make_loss

CLASSES, SHAPE = 4, (2, 9, 11)
TASK = with_sets(Task(name="cover", labels=("a", "b", "c", "d")), [(0, 1), (1, 2, 3)])
ALLOWED: dict[int, tuple[int, ...]] = {k: (k,) for k in range(CLASSES)} | dict(set_ids(TASK))
NAMES = [name for name in LossSettings.model_fields if name != "light"]
Batch = tuple[dict[str, Tensor], Tensor, Tensor]
Pixel = tuple[int, int, int]


@pytest.fixture
def batch() -> Batch:
    """Outputs, ids (classes and sets; d is in sets alone; some are `ignore`), validity."""
    draw = torch.Generator().manual_seed(7)
    n, h, w = SHAPE
    heads = {"cover": CLASSES, "cover/body": CLASSES, "cover/edge": 1, "cover/aux2": CLASSES}
    outputs = {
        name: torch.randn(n, channels, h, w, generator=draw, requires_grad=True) for name, channels in heads.items()
    }
    blocks = torch.tensor([[[0, 4, 5], [1, 2, 4]], [[5, 0, 1], [2, 5, 4]]])
    ids = blocks.repeat_interleave(5, 1).repeat_interleave(4, 2)[:, :h, :w].clone()
    ids[:, 4, 2:7] = 255
    return outputs, ids, torch.rand(SHAPE, generator=draw) > 0.1


def call(name: str, batch: Batch, task: Task = TASK, **settings: object) -> Tensor:
    outputs, ids, valid = batch
    made: Loss = make_loss(LossSettings.model_validate({name: settings}), task)
    return made(outputs, {"cover": ids}, valid)[name]


def softmax(batch: Batch, head: str = "cover") -> np.ndarray:
    powers = np.exp(batch[0][head].detach().double().numpy())
    return np.asarray(powers / powers.sum(1, keepdims=True))


def pixels(batch: Batch) -> list[Pixel]:
    return [p for p in itertools.product(*map(range, SHAPE)) if batch[2][p] and batch[1][p] != 255]


def allowed(batch: Batch) -> list[tuple[int, ...]]:
    return [ALLOWED[int(batch[1][p])] for p in pixels(batch)]


def likelihoods(batch: Batch, head: str = "cover") -> list[float]:
    guess = softmax(batch, head)
    return [float(sum(guess[n, c, i, j] for c in ALLOWED[int(batch[1][n, i, j])])) for n, i, j in pixels(batch)]


def class_weights(batch: Batch) -> list[float]:
    sure = [each[0] for each in allowed(batch) if len(each) == 1]
    return [2 - sure.count(c) / len(sure) for c in range(CLASSES)]


@pytest.mark.parametrize("given", [(), (1.0, 0.5, 2.0, 3.0)])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy(batch: Batch, given: tuple[float, ...], smoothing: float) -> None:
    guess, weights = softmax(batch), given or class_weights(batch)
    total = norm = 0.0
    for (n, i, j), each, q in zip(pixels(batch), allowed(batch), likelihoods(batch), strict=True):
        own = float(np.mean([weights[c] for c in each]))
        total -= (1 - smoothing) * own * math.log(q)
        total -= smoothing / CLASSES * sum(weights[c] * math.log(guess[n, c, i, j]) for c in range(CLASSES))
        norm += own
    found = call("cross_entropy", batch, classes=given, smoothing=smoothing)
    assert found.item() == pytest.approx(total / norm, rel=1e-5)


def test_the_gradient_of_cross_entropy_is_what_the_label_says_less_what_is_predicted(batch: Batch) -> None:
    guess, weights = softmax(batch), class_weights(batch)
    expected, norm = np.zeros_like(guess), 0.0
    for (n, i, j), each in zip(pixels(batch), allowed(batch), strict=True):
        own = float(np.mean([weights[c] for c in each]))
        said = np.array([guess[n, c, i, j] * (c in each) for c in range(CLASSES)])
        expected[n, :, i, j] = own * (guess[n, :, i, j] - said / said.sum())
        norm += own
    call("cross_entropy", batch).backward()
    found = batch[0]["cover"].grad
    assert found is not None
    np.testing.assert_allclose(found, expected / norm, rtol=1e-4, atol=1e-8)
    assert not found.movedim(1, -1)[~batch[2] | (batch[1] == 255)].any()


@pytest.mark.parametrize("gamma", [0.0, 2.0])
@pytest.mark.parametrize("alpha", [(), (0.2, 1.0, 3.0, 1.0)])
def test_focal(batch: Batch, gamma: float, alpha: tuple[float, ...]) -> None:
    total = 0.0
    for each, q in zip(allowed(batch), likelihoods(batch), strict=True):
        total -= (float(np.mean([alpha[c] for c in each])) if alpha else 1) * (1 - q) ** gamma * math.log(q)
    expected = total / len(pixels(batch))
    assert call("focal", batch, gamma=gamma, alpha=alpha).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("keep", [1.0, 0.3])
def test_ohem(batch: Batch, keep: float) -> None:
    losses = sorted((-math.log(q) for q in likelihoods(batch)), reverse=True)
    expected = np.mean(losses[: math.ceil(keep * len(losses))])
    assert call("ohem", batch, keep=keep).item() == pytest.approx(expected, rel=1e-5)


def test_aux(batch: Batch) -> None:
    head = ({"cover": batch[0]["cover/aux2"]}, *batch[1:])
    assert call("aux", batch).item() == pytest.approx(call("cross_entropy", head).item())


def sides(batch: Batch) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Of each class that is certain somewhere: truth and probability of the pixels that decide about it."""
    guess, found = softmax(batch), {}
    for c in range(CLASSES):
        decides = [
            (each == (c,), guess[n, c, i, j])
            for (n, i, j), each in zip(pixels(batch), allowed(batch), strict=True)
            if each == (c,) or c not in each
        ]
        truth = np.array([yes for yes, _ in decides])
        if truth.any():
            found[c] = (truth, np.array([p for _, p in decides]))
    return found


def test_dice(batch: Batch) -> None:
    scores = [2 * p[t].sum() / (t.sum() + p.sum()) for t, p in sides(batch).values()]
    assert len(scores) == 3
    assert call("dice", batch).item() == pytest.approx(1 - np.mean(scores), rel=1e-5)


def test_jaccard(batch: Batch) -> None:
    scores = [p[t].sum() / (t.sum() + p[~t].sum()) for t, p in sides(batch).values()]
    assert call("jaccard", batch).item() == pytest.approx(1 - np.mean(scores), rel=1e-5)


def test_tversky(batch: Batch) -> None:
    scores = [p[t].sum() / (p[t].sum() + 0.2 * p[~t].sum() + 0.9 * (1 - p[t]).sum()) for t, p in sides(batch).values()]
    assert call("tversky", batch, alpha=0.2, beta=0.9).item() == pytest.approx(1 - np.mean(scores), rel=1e-5)


def test_lovasz(batch: Batch) -> None:
    losses = []
    for truth, shares in sides(batch).values():
        errors, wrong, total, before = np.abs(truth - shares), np.zeros(len(truth), bool), 0.0, 0.0
        for k in np.argsort(-errors):
            wrong[k] = True
            after = wrong.sum() / (wrong | truth).sum()
            total += errors[k] * (after - before)
            before = after
        losses.append(total)
    assert call("lovasz", batch).item() == pytest.approx(np.mean(losses), rel=1e-5)


def test_boundary_relaxation(batch: Batch) -> None:
    guess, where = softmax(batch, "cover/body"), pixels(batch)
    counted, total = set(where), 0.0
    for n, i, j in where:
        around = [(n, i + a, j + b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (n, i + a, j + b) in counted]
        truths = []
        for m, y, x in around:
            inside = np.array([guess[m, c, y, x] * (c in ALLOWED[int(batch[1][m, y, x])]) for c in range(CLASSES)])
            truths.append(inside / inside.sum())
        truth, map_ = np.mean(truths, 0), np.mean([guess[m, :, y, x] for m, y, x in around], 0)
        total += sum(t * math.log(t / p) for t, p in zip(truth, map_, strict=True) if t)
    assert call("boundary_relaxation", batch).item() == pytest.approx(total / len(where), rel=1e-5)


def test_boundary_relaxation_of_one_set_alone_is_its_cross_entropy_with_the_same_gradient() -> None:
    logits = torch.randn(1, CLASSES, 1, 1, generator=torch.Generator().manual_seed(0), requires_grad=True)
    single = ({"cover": logits}, torch.full((1, 1, 1), 4), torch.ones(1, 1, 1, dtype=torch.bool))
    found = [(call(name, single), name) for name in ("boundary_relaxation", "cross_entropy")]
    gradients = [torch.autograd.grad(value, logits)[0] for value, _ in found]
    torch.testing.assert_close(found[0][0], found[1][0])
    torch.testing.assert_close(*gradients)


def slow_edges(batch: Batch) -> tuple[set[Pixel], set[Pixel]]:
    """Pixels within two of a certain edge, and of a place where there may be one."""
    where, sure, maybe = set(pixels(batch)), set(), set()
    for n, i, j in where:
        for other in ((n, i, j + 1), (n, i + 1, j)):
            if other in where:
                one, two = (set(ALLOWED[int(batch[1][p])]) for p in ((n, i, j), other))
                if not one & two:
                    sure.add((n, i, j))
                elif len(one) + len(two) > 2:
                    maybe.add((n, i, j))
    reach = range(-2, 3)
    grown = [{(n, i + a, j + b) for n, i, j in found for a in reach for b in reach} for found in (sure, maybe)]
    return grown[0], grown[1]


def test_edge(batch: Batch) -> None:
    (sure, maybe), logits = slow_edges(batch), batch[0]["cover/edge"].detach().double().numpy()
    losses: dict[bool, list[float]] = {True: [], False: []}
    for n, i, j in pixels(batch):
        truth = (n, i, j) in sure
        if truth or (n, i, j) not in maybe:
            losses[truth].append(math.log1p(math.exp(-logits[n, 0, i, j] if truth else logits[n, 0, i, j])))
    assert losses[True]
    assert losses[False]
    expected = float(np.mean(losses[True]) + np.mean(losses[False])) / 2
    assert call("edge", batch).item() == pytest.approx(expected, rel=1e-5)


def test_nothing_is_known_of_edges_inside_a_set() -> None:
    ids = torch.full((1, 8, 8), 4)
    targets, known = edge_labels(Labels.of(ids, ids >= 0, TASK))
    assert not targets.any()
    assert not known.any()


@pytest.mark.parametrize("task", [TASK, TASK.model_copy(update={"sets": ()})])
def test_what_labels_say_of_each_class(batch: Batch, task: Task) -> None:
    ids = batch[1] if task.sets else torch.where(batch[1] < CLASSES, batch[1], 255)
    labels = Labels.of(ids, batch[2], task)
    allowed, barred = labels.allowed(CLASSES), labels.barred(CLASSES)
    decided = labels.decided(CLASSES).expand(-1, CLASSES, -1, -1)
    for n, i, j in itertools.product(*map(range, SHAPE)):
        counts = bool(batch[2][n, i, j]) and int(ids[n, i, j]) != 255
        each = ALLOWED[int(ids[n, i, j])] if counts else ()
        for c in range(CLASSES):
            assert allowed[n, c, i, j] == (c in each)
            assert barred[n, c, i, j] == (-math.inf if counts and c not in each else 0)
            assert decided[n, c, i, j] == (counts and (c not in each or each == (c,)))


@pytest.mark.parametrize("name", NAMES)
def test_a_set_of_all_classes_teaches_nothing(name: str, batch: Batch) -> None:
    full = TASK.model_copy(update={"sets": ((0, 1, 2, 3),)})
    outputs, ids, valid = batch
    found = call(name, (outputs, torch.full_like(ids, 4), valid), full)
    found.backward()
    gradients = [x.grad for x in outputs.values() if x.grad is not None]
    assert gradients
    assert all(grad.abs().max() < 1e-7 for grad in gradients)


@pytest.mark.parametrize("name", NAMES)
def test_sets_of_a_task_change_nothing_where_every_label_is_one_class(name: str, batch: Batch) -> None:
    outputs, ids, valid = batch
    sure = torch.where(ids < CLASSES, ids, 255)
    results = []
    for task in (TASK, TASK.model_copy(update={"sets": ()})):
        found = call(name, (outputs, sure, valid), task)
        results.append([found, *torch.autograd.grad(found, [*outputs.values()], allow_unused=True)])
    for one, other in zip(*results, strict=True):
        assert (one is None and other is None) or torch.equal(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_stay_finite_where_a_net_is_sure(name: str, batch: Batch) -> None:
    outputs, ids, valid = batch
    call(name, ({key: 40 * x for key, x in outputs.items()}, ids, valid)).backward()
    assert all(x.grad.isfinite().all() for x in outputs.values() if x.grad is not None)


@pytest.mark.parametrize("name", NAMES)
def test_pixels_that_do_not_count_change_nothing(name: str, batch: Batch) -> None:
    outputs, ids, valid = batch
    counts = valid & (ids != 255)
    others = {key: torch.where(counts[:, None], x, 9 * torch.ones_like(x)) for key, x in outputs.items()}
    relabelled = torch.where(valid, ids, (ids + 1) % 6)
    torch.testing.assert_close(call(name, (others, relabelled, valid)), call(name, batch))
