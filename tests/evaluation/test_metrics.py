import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn import metrics as sk

from limbeck.errors import LimbeckError
from limbeck.evaluation import agreement, class_scores, confusion, kl, mean_scores, reliability, scores
from limbeck.evaluation.classification import METRICS, f1_macro
from limbeck.evaluation.metric import sheet_of
from limbeck.evaluation.metrics import accuracy, ece, nll


def sample(seed, n=200, classes=4, scale=2.0):
    rng = np.random.default_rng(seed)
    return rng.normal(0, scale, (n, classes)).astype(np.float32), rng.integers(classes, size=n)


def probabilities(row):
    """Softmax of one row, in Python floats."""
    top = max(float(x) for x in row)
    exps = [math.exp(float(x) - top) for x in row]
    return [x / sum(exps) for x in exps]


def f1_of_shown(labels, decided):
    return sk.f1_score(labels, decided, labels=np.unique(labels), average="macro", zero_division=0)


@pytest.mark.parametrize("classes", [2, 4, 77])
@pytest.mark.parametrize("seed", [0, 1])
def test_decisions_match_scikit_learn(classes, seed):
    logits, labels = sample(seed, classes=classes)
    decided = logits.argmax(axis=1)
    assert accuracy(logits, labels) == pytest.approx(sk.accuracy_score(labels, decided))
    assert f1_macro(logits, labels) == pytest.approx(f1_of_shown(labels, decided))
    np.testing.assert_array_equal(
        confusion(logits, labels), sk.confusion_matrix(labels, decided, labels=range(classes))
    )


def test_f1_is_over_the_classes_that_the_labels_show():
    logits, labels = sample(0, n=60, classes=10)
    labels[labels == 7] = 0  # never true, and decided all the same
    assert (logits.argmax(1) == 7).any()
    assert f1_macro(logits, labels) == pytest.approx(f1_of_shown(labels, logits.argmax(1)))
    padded = np.pad(logits, ((0, 0), (0, 5)), constant_values=-50.0)
    assert f1_macro(padded, labels) == f1_macro(logits, labels)


def test_a_class_that_is_only_decided_costs_the_true_class_its_recall():
    logits = np.eye(3, dtype=np.float32)[[0, 1, 2]]
    assert f1_macro(logits, np.array([0, 1, 1])) == pytest.approx((1 + 2 / 3) / 2)


def test_scores_of_every_class_match_scikit_learn():
    labels = sample(0, n=80, classes=5)[1] % 4  # no row is of the last class
    logits = [sample(seed, n=80, classes=5)[0] for seed in (0, 1)]
    logits[0][:, 2] = logits[1][:, 2] = logits[1][:, 4] = -50.0  # class 2 is never decided, the last by one seed
    found = class_scores(logits, labels, "abcde")
    expected = [
        sk.precision_recall_fscore_support(labels, one.argmax(1), labels=range(5), zero_division=0) for one in logits
    ]
    assert [one.name for one in found] == list("abcde")
    assert [one.rows for one in found] == expected[0][3].tolist()
    assert [one.f1 for one in found] == pytest.approx(np.mean([each[2] for each in expected], axis=0))
    assert [one.recall for one in found[:4]] == pytest.approx(np.mean([each[1] for each in expected], axis=0)[:4])
    assert found[4].recall is None
    assert found[0].precision == pytest.approx(np.mean([each[0][0] for each in expected]))
    assert (found[2].precision, found[2].f1, found[2].decided) == (None, 0, 0)
    assert found[4].precision == 0  # of the one seed that decides for it


@pytest.mark.parametrize("classes", [2, 5])
def test_nll_matches_a_loop(classes):
    logits, labels = sample(2, classes=classes)
    expected = -sum(math.log(probabilities(row)[y]) for row, y in zip(logits, labels, strict=True)) / len(labels)
    assert nll(logits, labels) == pytest.approx(expected, rel=1e-12)
    assert nll(logits, labels) == pytest.approx(
        sk.log_loss(labels, np.array([probabilities(row) for row in logits]), labels=range(classes)), rel=1e-9
    )


@pytest.mark.parametrize("classes", [2, 5])
def test_ece_matches_a_loop_and_torchmetrics(classes):
    import torch
    from torchmetrics.functional.classification import multiclass_calibration_error

    logits, labels = sample(3, n=500, classes=classes)
    bins = [[] for _ in range(15)]
    for row, label in zip(logits, labels, strict=True):
        p = probabilities(row)
        confidence = max(p)
        (k,) = [k for k in range(15) if k / 15 < confidence <= (k + 1) / 15]
        bins[k].append((confidence, p.index(confidence) == label))
    expected, used = 0.0, [one for one in bins if one]
    for one in used:
        expected += abs(sum(c for c, _ in one) - sum(r for _, r in one)) / len(labels)
    assert ece(logits, labels) == pytest.approx(expected, rel=1e-9)
    theirs = multiclass_calibration_error(torch.from_numpy(logits).softmax(1), torch.from_numpy(labels), classes, 15)
    assert ece(logits, labels) == pytest.approx(float(theirs), abs=1e-6)

    curve = reliability(logits, labels)
    assert curve.count == [len(one) for one in used]
    assert curve.confidence == pytest.approx([sum(c for c, _ in one) / len(one) for one in used])
    assert curve.accuracy == pytest.approx([sum(r for _, r in one) / len(one) for one in used])


def test_a_calibrated_model_has_a_small_ece_and_an_overconfident_one_a_large_one():
    logits, _ = sample(4, n=20_000, classes=3)
    cumulative = np.array([probabilities(row) for row in logits]).cumsum(axis=1)
    draws = np.random.default_rng(5).random(len(logits))
    labels = np.minimum((draws[:, None] > cumulative).sum(axis=1), 2)
    assert ece(logits, labels) < 0.015
    assert ece(4 * logits, labels) > 0.1


def test_certainty_falls_into_the_last_bin():
    curve = reliability(np.array([[1e4, -1e4], [-1e4, 1e4]], dtype=np.float32), np.array([0, 0]))
    assert (curve.confidence, curve.accuracy, curve.count) == ([1.0], [0.5], [2])


def test_kl_and_agreement_match_loops():
    teacher, student = sample(6)[0], sample(7)[0]
    expected = 0.0
    for t, s in zip(teacher, student, strict=True):
        expected += sum(a * math.log(a / b) for a, b in zip(probabilities(t), probabilities(s), strict=True))
    assert kl(teacher, student) == pytest.approx(expected / len(teacher), rel=1e-10)
    same = sum(int(t.argmax() == s.argmax()) for t, s in zip(teacher, student, strict=True))
    assert agreement(teacher, student) == same / len(teacher)


def test_kl_is_finite_where_the_probabilities_underflow():
    assert kl(np.array([[1e4, -1e4]]), np.array([[-1e4, 1e4]])) == pytest.approx(2e4)


seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 40)


@given(seeds, sizes, st.integers(2, 9), st.floats(0, 1e4))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_ranges_and_the_order_of_the_rows(seed, n, classes, scale):
    logits, labels = sample(seed, n, classes, scale)
    order = np.random.default_rng(seed).permutation(n)
    one, other = scores(logits, labels), scores(logits[order], labels[order])
    assert all(0 <= one[name] <= 1 for name in ("accuracy", "f1_macro", "ece"))
    assert 0 <= one["nll"] < math.inf
    assert one == pytest.approx(other, rel=1e-9, abs=1e-12)
    assert confusion(logits, labels).sum() == sum(reliability(logits, labels).count) == n


@given(seeds, sizes, st.integers(2, 9))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_renaming_the_classes_changes_nothing(seed, n, classes):
    logits, labels = sample(seed, n, classes)
    order = np.random.default_rng(seed).permutation(classes)
    renamed = scores(logits[:, order], np.argsort(order)[labels])
    assert renamed == pytest.approx(scores(logits, labels))


@given(seeds, sizes, st.integers(2, 9))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_a_perfect_model(seed, n, classes):
    labels = np.random.default_rng(seed).integers(classes, size=n)
    logits = np.where(np.arange(classes) == labels[:, None], 1e4, -1e4).astype(np.float32)
    assert scores(logits, labels) == {"accuracy": 1, "f1_macro": 1, "nll": 0, "ece": 0}


@given(seeds, sizes, st.integers(2, 9), st.floats(0, 1e4))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_kl_is_never_negative_and_zero_at_equality(seed, n, classes, scale):
    a, b = sample(seed, n, classes, scale)[0], sample(seed + 1, n, classes, scale)[0]
    assert kl(a, b) >= 0
    assert kl(a, a) == 0
    assert kl(a, a.astype(np.float64) + 3) == pytest.approx(0, abs=1e-10)
    assert agreement(a, a) == 1
    assert agreement(a, b) == agreement(b, a)


def test_mean_scores():
    a, b = scores(*sample(0)), scores(*sample(1))
    mean = mean_scores([a, b])
    assert mean == pytest.approx({name: (a[name] + b[name]) / 2 for name in METRICS})


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_metric_is_a_sum_over_examples_and_a_formula_of_that_sum(metric, seed):
    sheet = sheet_of(*sample(seed))
    halves = [{name: value[rows] for name, value in sheet.items()} for rows in (slice(0, 9), slice(9, None))]
    whole = metric.parts(sheet)
    assert metric.of(whole.sum(axis=0, dtype=np.float64)) == pytest.approx(metric(sheet), abs=1e-12)
    if metric.name in ("accuracy", "nll"):  # the others' columns depend on what the sheet shows
        np.testing.assert_array_equal(np.concatenate([metric.parts(half) for half in halves]), whole)


GOOD = np.zeros((2, 3), dtype=np.float32)


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (np.zeros((0, 3)), np.zeros(0, int), "n > 0"),
        (np.zeros(3), np.zeros(3, int), r"\(n, classes\)"),
        (np.array([[0, 1], [np.nan, 0]]), np.array([0, 1]), "1 of 2 rows of logits hold NaN or infinity.*row 1"),
        (np.array([[0, -np.inf]]), np.array([0]), "infinity"),
        (GOOD, np.array([0, 3]), "label 3 of row 1 is outside 0 .. 2"),
        (GOOD, np.array([-1, 0]), "label -1"),
        (GOOD, np.array([0]), "2 integers"),
        (GOOD, np.array([0.0, 1.0]), "float64"),
    ],
)
def test_bad_input_is_refused(logits, labels, message):
    with pytest.raises(LimbeckError, match=message):
        scores(logits, labels)


def test_unequal_models_are_refused():
    with pytest.raises(LimbeckError, match=r"\(2, 3\) and \(2, 4\)"):
        kl(GOOD, np.zeros((2, 4)))
