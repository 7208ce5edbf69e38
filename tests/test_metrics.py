import math

import numpy as np
import pytest

from smalti.metrics import BoundaryF1, BoundaryStrips, Confusion

LABELS = ("a", "b", "c", "d")


def maps(seed, height=40, width=30, classes=4, ignore=0.1, cell=5):
    random = np.random.default_rng(seed)
    coarse = random.integers(0, classes, (height // cell + 1, width // cell + 1), dtype=np.uint8)
    truth = coarse.repeat(cell, 0).repeat(cell, 1)[:height, :width]
    prediction = np.roll(truth, (1, 2), (0, 1))
    prediction = np.where(random.random(truth.shape) < 0.05, random.integers(0, classes, truth.shape), prediction)
    truth = np.where(random.random(truth.shape) < ignore, 255, truth)
    return truth.astype(np.uint8), prediction.astype(np.uint8)


def test_confusion_equals_counting_by_hand():
    truth, prediction = maps(1)
    confusion = Confusion(4)
    confusion.add(truth, prediction)
    by_hand = np.zeros((4, 4), np.int64)
    for t, p in zip(truth.flat, prediction.flat, strict=True):
        if t != 255:
            by_hand[t, p] += 1
    assert np.array_equal(confusion.counts, by_hand)
    assert confusion.ignored == (truth == 255).sum()


def test_confusion_is_the_same_in_chunks(monkeypatch):
    truth, prediction = maps(2)
    whole, parts = Confusion(4), Confusion(4)
    whole.add(truth, prediction)
    monkeypatch.setattr("smalti.metrics.CHUNK", 37)
    parts.add(truth, prediction)
    assert np.array_equal(whole.counts, parts.counts)


def test_scores_equal_the_formulas_in_float64():
    truth, prediction = maps(3)
    confusion = Confusion(4)
    confusion.add(truth, prediction)
    scores = confusion.scores(LABELS)
    valid = truth != 255
    t, p = truth[valid], prediction[valid]
    for k in range(4):
        tp, fp, fn = ((t == k) & (p == k)).sum(), ((t != k) & (p == k)).sum(), ((t == k) & (p != k)).sum()
        assert scores.iou[k] == pytest.approx(tp / (tp + fp + fn), abs=1e-15)
        assert scores.precision[k] == pytest.approx(tp / (tp + fp), abs=1e-15)
        assert scores.recall[k] == pytest.approx(tp / (tp + fn), abs=1e-15)
        assert scores.f1[k] == pytest.approx(2 * tp / (2 * tp + fp + fn), abs=1e-15)
    chance = sum((t == k).mean() * (p == k).mean() for k in range(4))
    assert scores.oa == pytest.approx((t == p).mean(), abs=1e-15)
    assert scores.kappa == pytest.approx(((t == p).mean() - chance) / (1 - chance), abs=1e-12)
    for name in ("iou", "f1", "precision", "recall"):
        assert getattr(scores, f"m{name}") == pytest.approx(np.mean(getattr(scores, name)), abs=1e-15)
    assert scores.pixels == valid.sum()


def test_pixels_of_which_either_map_says_nothing_are_passed_over():
    confusion = Confusion(2)
    confusion.add(np.array([[0, 255, 1, 1]], np.uint8), np.array([[0, 0, 255, 0]], np.uint8))
    assert confusion.counts.tolist() == [[1, 0], [1, 0]] and confusion.ignored == 2
    confusion.add(np.array([[7, 1]], np.uint8), np.array([[0, 7]], np.uint8), ignore=7)
    assert confusion.counts.sum() == 2 and confusion.ignored == 4


def test_a_single_pixel_counts():
    confusion = Confusion(2)
    confusion.add(np.array([[1]], np.uint8), np.array([[0]], np.uint8))
    assert confusion.counts.tolist() == [[0, 0], [1, 0]]


def test_all_classes_may_be_left_out():
    confusion = Confusion(2)
    confusion.add(np.array([[1]], np.uint8), np.array([[1]], np.uint8))
    scores = confusion.scores(("a", "b"), leave_out=("a", "b"))
    assert math.isnan(scores.miou) and scores.oa == 1


def test_matrices_of_two_parts_add_up():
    one, other, whole = Confusion(4), Confusion(4), Confusion(4)
    for part, seed in ((one, 1), (other, 2)):
        part.add(*maps(seed))
        whole.add(*maps(seed))
    one.merge(other)
    assert np.array_equal(one.counts, whole.counts) and one.ignored == whole.ignored > 0


def test_agreement_by_chance_alone_is_not_defined():
    confusion = Confusion(2)
    confusion.add(np.zeros((1, 5), np.uint8), np.zeros((1, 5), np.uint8))
    scores = confusion.scores(("a", "b"))
    assert scores.oa == 1 and math.isnan(scores.kappa)
    confusion.counts[:] = [[3, 1], [1, 5]]
    assert confusion.scores(("a", "b")).kappa == pytest.approx((0.8 - 0.52) / 0.48)


def test_a_class_that_only_one_map_has_is_present():
    confusion = Confusion(3)
    confusion.add(np.array([[0, 1]], np.uint8), np.array([[0, 2]], np.uint8))
    scores = confusion.scores(("a", "b", "c"), leave_out=("b",))
    assert scores.absent == () and scores.in_mean == ("a", "c") and scores.iou == (1, 0, 0) and scores.miou == 0.5


def test_a_class_left_out_is_not_called_absent():
    assert Confusion(2).scores(("a", "b"), leave_out=("a",)).absent == ("b",)


def test_an_absent_class_is_nan_and_out_of_the_mean():
    confusion = Confusion(3)
    confusion.add(np.array([[0, 0, 1]], np.uint8), np.array([[0, 1, 1]], np.uint8))
    scores = confusion.scores(("a", "b", "c"))
    assert math.isnan(scores.iou[2]) and scores.absent == ("c",) and scores.in_mean == ("a", "b")
    assert scores.miou == pytest.approx(0.5)


def test_a_class_never_predicted_counts_as_zero():
    confusion = Confusion(2)
    confusion.add(np.array([[0, 1]], np.uint8), np.array([[0, 0]], np.uint8))
    scores = confusion.scores(("a", "b"))
    assert scores.precision == (0.5, 0.0) and scores.f1[1] == 0.0 and scores.miou == 0.25


def test_a_class_left_out_stays_in_overall_accuracy():
    truth, prediction = maps(4)
    confusion = Confusion(4)
    confusion.add(truth, prediction)
    full, less = confusion.scores(LABELS), confusion.scores(LABELS, leave_out=("b",))
    assert less.oa == full.oa and less.iou == full.iou
    assert less.miou == pytest.approx(np.mean([full.iou[i] for i in (0, 2, 3)]))
    assert less.left_out == ("b",) and less.in_mean == ("a", "c", "d")


def test_nothing_counted_is_nan():
    scores = Confusion(2).scores(("a", "b"))
    assert scores.pixels == 0 and math.isnan(scores.oa) and math.isnan(scores.miou) and scores.absent == ("a", "b")


def test_wrong_shapes_and_ids_are_refused():
    confusion = Confusion(2)
    with pytest.raises(ValueError, match="truth is"):
        confusion.add(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8))
    with pytest.raises(ValueError, match="class id 7"):
        confusion.add(np.zeros((1, 2), np.uint8), np.full((1, 2), 7, np.uint8))
    with pytest.raises(ValueError, match="class id 2 among 2"):
        confusion.add(np.array([[0, 2]], np.uint8), np.ones((1, 2), np.uint8))
    with pytest.raises(ValueError, match="class id 2 among 2"):
        confusion.add(np.ones((1, 2), np.uint8), np.array([[0, 2]], np.uint8))
    with pytest.raises(ValueError, match="2 classes, labels"):
        confusion.scores(("a", "b", "c"))
    with pytest.raises(ValueError, match="left out"):
        confusion.scores(("a", "b"), leave_out=("z",))


def boundary_by_hand(truth, prediction, classes, tolerance):
    void = (truth == 255) | (prediction == 255)

    def edge_pixels(classmap, k):
        height, width = classmap.shape
        found = []
        for r, c in zip(*np.nonzero((classmap == k) & ~void), strict=True):
            near = [(r + dr, c + dc) for dr, dc in ((0, 1), (1, 0), (0, -1), (-1, 0))]
            near = [(a, b) for a, b in near if 0 <= a < height and 0 <= b < width and not void[a, b]]
            if any(classmap[a, b] != k for a, b in near):
                found.append((r, c))
        return np.array(found, np.float64).reshape(-1, 2)

    def near_share(these, those):
        if not len(these) or not len(those):
            return 0.0
        distance = np.sqrt(((these[:, None] - those[None]) ** 2).sum(-1))
        return (distance.min(1) <= tolerance).mean()

    f1 = []
    for k in range(classes):
        true, predicted = edge_pixels(truth, k), edge_pixels(prediction, k)
        recall, precision = near_share(true, predicted), near_share(predicted, true)
        f1.append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
    return f1


@pytest.mark.parametrize("tolerance", [0, 1, 3])
def test_boundary_f1_equals_distances_by_hand(tolerance):
    truth, prediction = maps(5, ignore=0.03)
    boundary = BoundaryF1(4, tolerance)
    boundary.add(truth, prediction)
    assert boundary.per_class() == pytest.approx(boundary_by_hand(truth, prediction, 4, tolerance), abs=1e-12)
    assert boundary.mean() == pytest.approx(np.mean(boundary.per_class()))


@pytest.mark.parametrize("rows", [1, 3, 7, 40])
def test_boundary_f1_by_strips_equals_the_whole(rows):
    truth, prediction = maps(6)
    whole, strips = BoundaryF1(4, 2), BoundaryF1(4, 2)
    whole.add(truth, prediction)
    feed = BoundaryStrips(strips)
    for row in range(0, 40, rows):
        feed.add(truth[row : row + rows], prediction[row : row + rows])
    feed.close()
    for name in ("true", "found", "predicted", "right"):
        assert np.array_equal(getattr(strips, name), getattr(whole, name)), name


def test_a_high_and_narrow_image_in_one_strip_is_counted_to_its_end():
    truth, prediction = maps(8, height=60, width=3, ignore=0, cell=1)
    whole, strips = BoundaryF1(4, 2), BoundaryF1(4, 2)
    whole.add(truth, prediction)
    feed = BoundaryStrips(strips)
    feed.add(truth, prediction)
    feed.close()
    assert strips.true.tolist() == whole.true.tolist() and strips.true.any()


def test_strips_keep_only_the_rows_that_a_match_can_reach():
    feed = BoundaryStrips(BoundaryF1(4, 2))
    for seed in range(5):
        feed.add(*maps(seed))
        assert feed._maps.shape == (2, 2 * (2 + 1), 30)  # those not yet counted, and as many above them


def test_boundaries_count_within_three_pixels_unless_told_otherwise():
    truth = np.zeros((1, 12), np.uint8)
    truth[:, 4:] = 1
    for shift, found in ((3, 1.0), (4, 0.0)):
        boundary = BoundaryF1(2)
        boundary.add(truth, np.roll(truth, shift, 1) * (np.arange(12) >= 4 + shift).astype(np.uint8))
        assert boundary.per_class() == (found, found)


@pytest.mark.parametrize("void", [255, 9])
def test_what_is_ignored_makes_no_boundary(void):
    truth = np.array([[0, 0, void, 1, 1]], np.uint8)
    boundary = BoundaryF1(2)
    boundary.add(truth, np.array([[0, 0, 0, 1, 1]], np.uint8), ignore=void)
    assert boundary.true.sum() == boundary.predicted.sum() == 0
    feed = BoundaryStrips(boundary, ignore=void)
    feed.add(truth, np.array([[0, void, 0, 1, 1]], np.uint8))
    feed.close()
    assert boundary.true.sum() == boundary.predicted.sum() == 0


def test_a_class_with_a_single_boundary_pixel_is_there():
    boundary = BoundaryF1(3, tolerance=0)
    boundary.add(np.array([[0, 0, 2]], np.uint8), np.array([[0, 0, 0]], np.uint8))
    assert boundary.per_class()[2] == 0 and math.isnan(boundary.per_class()[1]) and boundary.mean() == 0


def test_boundary_f1_without_boundaries_is_nan():
    boundary = BoundaryF1(2)
    boundary.add(np.zeros((5, 5), np.uint8), np.zeros((5, 5), np.uint8))
    assert math.isnan(boundary.mean()) and all(map(math.isnan, boundary.per_class()))
    BoundaryStrips(boundary).close()


def test_boundary_f1_leaves_classes_out_by_id():
    truth, prediction = maps(7)
    boundary = BoundaryF1(4)
    boundary.add(truth, prediction)
    assert boundary.mean(leave_out=[0]) == pytest.approx(np.mean(boundary.per_class()[1:]))


SETS = {4: (0, 1), 5: (1, 2, 3)}
"""The classes that further ids of the truth allow."""


def open_maps(seed):
    truth, prediction = maps(seed, classes=6, ignore=0.2)
    return truth, (prediction % 4).astype(np.uint8)


def test_with_sets_each_class_is_scored_where_the_label_decides_about_it():
    truth, prediction = open_maps(4)
    confusion = Confusion(4)
    confusion.add(truth, prediction, sets=SETS)
    scores = confusion.scores(LABELS)
    allowed = {k: (k,) for k in range(4)} | SETS
    pairs = [(allowed[t], p) for t, p in zip(truth.flat, prediction.flat, strict=True) if t != 255]
    for k in range(4):
        decided = [(each == (k,), int(p == k)) for each, p in pairs if each == (k,) or k not in each]
        tp, either = sum(t and p for t, p in decided), sum(t or p for t, p in decided)
        assert scores.iou[k] == pytest.approx(tp / either, abs=1e-15)
        assert scores.f1[k] == pytest.approx(2 * tp / sum(t + p for t, p in decided), abs=1e-15)
        assert scores.precision[k] == pytest.approx(tp / sum(p for _, p in decided), abs=1e-15)
    sure = [(each[0], p) for each, p in pairs if len(each) == 1]
    assert scores.oa == pytest.approx(np.mean([t == p for t, p in sure]), abs=1e-15)
    assert (scores.pixels, scores.allowing) == (len(sure), len(pairs) - len(sure))
    assert [each.classes for each in scores.rightness] == list(allowed.values())
    for row in scores.rightness:
        ours = [p in each for each, p in pairs if each == row.classes]
        assert (row.pixels, row.right) == (len(ours), pytest.approx(np.mean(ours), abs=1e-15))
    assert scores.mrightness == pytest.approx(np.mean([row.right for row in scores.rightness]))
    assert confusion.pixels == len(pairs)
    assert confusion.right == sum(p in each for each, p in pairs)


def test_a_class_that_sets_allow_and_no_label_is_has_no_score():
    confusion = Confusion(4)
    confusion.add(np.array([[0, 0, 5, 5]], np.uint8), np.array([[0, 3, 1, 2]], np.uint8), sets=SETS)
    scores = confusion.scores(LABELS)
    assert scores.in_mean == ("a",)
    assert scores.undecided == ("b", "c", "d")
    assert scores.absent == ()
    assert scores.iou[0] == 0.5
    assert np.isnan(scores.iou[1:]).all()


def test_counts_of_sets_are_merged_and_ids_of_neither_are_refused():
    truth, prediction = open_maps(5)
    whole, parts = Confusion(4), Confusion(4)
    whole.add(truth, prediction, sets=SETS)
    for half in (slice(0, 20), slice(20, None)):
        part = Confusion(4)
        part.add(truth[half], prediction[half], sets=SETS)
        parts.merge(part)
    assert whole.scores(LABELS) == parts.scores(LABELS)
    with pytest.raises(ValueError, match="class id 5 among 4"):
        Confusion(4).add(truth, prediction, sets={4: (0, 1)})


def test_boundaries_count_where_both_sides_decide_about_the_class():
    truth = np.repeat(np.array([0] * 10 + [5] * 10 + [1] * 10, np.uint8)[None], 8, 0)
    prediction = np.repeat(np.array([0] * 10 + [2] * 5 + [3] * 5 + [1] * 10, np.uint8)[None], 8, 0)
    boundary = BoundaryF1(4)
    boundary.add(truth, prediction, sets=SETS)
    assert boundary.per_class()[0] == 1.0  # the label right of it is "not a"
    assert np.isnan(boundary.per_class()[1:]).all()  # b, c and d may be anywhere in the set
