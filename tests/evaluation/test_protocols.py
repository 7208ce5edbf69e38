"""Every way to score the same maps, against counting by hand; and the labels, views and maps that it needs."""

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from smalti.averaged import PASSES, Averaged
from smalti.card import Card, Task
from smalti.evaluation import evaluate
from smalti.evaluation.protocols import AveragedAndPlain, name_of_plain
from smalti.metrics import Confusion
from smalti.raster.eroded import Eroded
from smalti.tiling import Window
from tests.evaluation.test_run import LABELS, Thirds, Truth, case, pair, small_card

CARD = small_card()


@dataclass
class Lopsided:
    """Sees the left and right neighbour unequally, so that mirrored pictures are answered otherwise."""

    card: Card = field(default_factory=small_card)
    calls: int = 0

    def __call__(self, batch):
        self.calls += 1
        left = np.roll(batch, 1, axis=3).astype(np.float32)
        seen = (batch + 3 * left) / 4
        third = np.minimum(seen[:, :1].astype(int) // 86, 2)
        return {"cover": (third == np.arange(3)[:, None, None]).astype(np.float32)}


def eroded_by_hand(truth, radius=3, ignore=255):
    """A pixel stays if no pixel within the disc has another class."""
    kept = truth.copy()
    height, width = truth.shape
    for row, col in np.ndindex(truth.shape):
        for r in range(max(0, row - radius), min(height, row + radius + 1)):
            for c in range(max(0, col - radius), min(width, col + radius + 1)):
                near = (r - row) ** 2 + (c - col) ** 2 <= radius**2
                if near and truth[r, c] not in (truth[row, col], ignore):
                    kept[row, col] = ignore
    return kept


def blocks(seed, height=30, width=26):
    random = np.random.default_rng(seed)
    truth = random.integers(0, 3, (3, 3), dtype=np.uint8).repeat(10, 0).repeat(9, 1)[:height, :width]
    truth[5:8, 20:] = 255
    return truth


def test_erosion_is_a_disc_around_other_classes():
    truth = blocks(1)
    labels = Eroded(Framed(truth), 255, 3)
    whole = labels.read(Window(0, 0, *truth.shape))
    assert np.array_equal(whole, eroded_by_hand(truth))
    assert 0.2 < (whole == 255).mean() < 0.9
    assert np.array_equal(labels.read(Window(7, 3, 11, 13)), whole[7:18, 3:16])


class Framed(Truth):
    """Labels as files give them: `ignore` beyond the border."""

    def read(self, window):
        out = np.full((window.height, window.width), 255, np.uint8)
        cut = window.intersect(Window(0, 0, *self.pixels.shape))
        if cut is not None:
            out[cut.within(window)] = self.pixels[cut.slices()]
        return out


def framed(name, image, truth, **changes):
    return replace(pair(name, image, truth), truth={"cover": lambda grid: Framed(truth)}, **changes)


def scores_by_hand(maps, truths, out=(), ignored=False, each=False):
    """mIoU, mF1, OA from (truth, map) pairs."""
    matrices = []
    for found, truth in zip(maps, truths, strict=True):
        counts = Confusion(3)
        truth = truth.copy()
        if ignored:
            truth[np.isin(truth, [LABELS.index(name) for name in out])] = 255
        counts.add(truth, found)
        matrices.append(counts)
    if not each:
        total = Confusion(3)
        for counts in matrices:
            total.merge(counts)
        matrices = [total]
    found = [counts.scores(LABELS, out) for counts in matrices]
    return [np.nanmean([getattr(scores, name) for scores in found]) for name in ("miou", "mf1", "oa")]


def test_all_variants_are_what_counting_by_hand_gives():
    cases = [(case(k)[0][:30, :26], blocks(k)) for k in range(3)]
    maps = [np.minimum(image // 86, 2).astype(np.uint8) for image, _ in cases]
    pairs = [framed(str(k), *each) for k, each in enumerate(cases)]
    found = evaluate(Thirds(), pairs, variants=("low",)).results[0].variants
    full = [truth for _, truth in cases]
    taken = [eroded_by_hand(truth) for truth in full]
    assert len(found) == len({v.protocol for v in found}) == 2 * 3 * 2
    for variant in found:
        truths = full if variant.labels == "full labels" else taken
        out = () if variant.classes == "all classes" else ("low",)
        wanted = scores_by_hand(maps, truths, out, "ignored" in variant.classes, variant.pooling == "mean over images")
        assert [variant.miou, variant.mf1, variant.oa] == pytest.approx(wanted), variant.protocol
    assert len({round(v.miou, 9) for v in found}) == len(found)  # each way gives another number: none is a copy


def test_given_eroded_labels_are_taken_and_said():
    image, truth = case(1)[0][:30, :26], blocks(1)
    given = np.full_like(truth, 255)
    given[:4] = truth[:4]
    pairs = [framed("a", image, truth, open_others=lambda grid: Framed(given))]
    found = evaluate(Thirds(), pairs, variants=()).results[0].variants
    assert [v.labels for v in found] == ["full labels"] * 2 + ["eroded labels, as the dataset gives them"] * 2
    only = [replace(pairs[0], truth={"cover": pairs[0].open_others}, open_others=None, eroded=True)]
    [result] = evaluate(Thirds(), only, variants=())
    assert {v.labels for v in result.variants} == {"eroded labels, as the dataset gives them"}
    assert result.variants[0].miou == found[2].miou == result.scores.miou
    assert "eroded by the data set" in str(result.protocol)


def test_tta_gives_both_from_the_same_passes():
    image, truth = case(2)[0][:30, :26], blocks(2)
    [plain] = evaluate(Lopsided(), [framed("a", image, truth)], variants=())
    [averaged] = evaluate(Lopsided(), [framed("a", image, truth)], tta=True)
    predict = Lopsided()
    [both] = evaluate(predict, [framed("a", image, truth)], tta=True, variants=())
    assert both.scores == averaged.scores != plain.scores
    by_passes = {v.passes: v.miou for v in both.variants if (v.labels, v.pooling[:3]) == ("full labels", "one")}
    assert by_passes == {"one pass": plain.scores.miou, PASSES: averaged.scores.miou}
    reference = Lopsided()
    evaluate(Averaged(reference), [framed("a", image, truth)])
    assert predict.calls == reference.calls


def test_both_answers_like_its_two_parts():
    batch = np.random.default_rng(0).integers(0, 256, (2, 1, 8, 8), np.uint8)
    predict = AveragedAndPlain(Lopsided(), CARD.tasks[0])
    found = predict(batch)
    assert predict.card == CARD  # the second answer is no task of its own
    assert predict.further == {name_of_plain(CARD.tasks[0]): 3}
    assert np.array_equal(found[name_of_plain(CARD.tasks[0])], Lopsided()(batch)["cover"])
    assert np.array_equal(found["cover"], Averaged(Lopsided())(batch)["cover"])


def test_variants_are_in_the_table_and_in_json():
    image, truth = case(3)[0][:30, :26], blocks(3)
    found = evaluate(Thirds(), [framed("a", image, truth)], variants=("low",))
    [result] = found
    text = str(found)
    for variant in result.variants:
        assert f"{100 * variant.miou:.2f}" in text and variant.protocol in text
    told = json.loads(found.to_json())["variants"]
    assert [each["protocol"] for each in told] == [v.protocol for v in result.variants]
    assert "scored by every protocol" not in str(evaluate(Thirds(), [framed("a", image, truth)]))


def test_whole_maps_are_handed_on():
    task = Task(name="edge", kind="value")
    card = CARD.model_copy(update={"tasks": (*CARD.tasks, task)})

    def predict(batch):
        return Thirds()(batch) | {"edge": batch.astype(np.float32) / 255}

    predict.card = card
    image, truth = case(4)
    valid = np.ones(image.shape, bool)
    valid[:3] = False
    kept = {}
    evaluate(predict, [pair("a", image, truth, valid)], keep=lambda name, maps: kept.update({name: maps}))
    expected = np.where(valid, np.minimum(image // 86, 2), 255)
    assert np.array_equal(kept["a"]["cover"], expected)
    assert np.array_equal(np.isnan(kept["a"]["edge"]), ~valid)
    assert np.nanmax(np.abs(kept["a"]["edge"] - image / 255)) < 1e-5
