"""The metrics of label sets against scikit-learn; thresholds; what is no better than chance."""

import itertools

import numpy as np
import pytest
from scipy.special import expit, rel_entr
from sklearn.metrics import average_precision_score, f1_score, log_loss, roc_auc_score

from limbeck.errors import LimbeckError
from limbeck.evaluation.sets import FEWEST, SETS_METRICS, against_ranking, fit_thresholds, sets_kl, sets_sheet
from limbeck.runtime.decisions import label_sets


def made(rows: int = 150, classes: int = 4, *, noise: float = 1.5, seed: int = 0, ties: bool = False):
    draw = np.random.default_rng(seed)
    labels = draw.random((rows, classes)) < np.linspace(0.5, 0.1, classes)
    logits = (np.where(labels, 1.0, -1.0) + noise * draw.normal(size=labels.shape)).astype(np.float32)
    return logits.round() if ties else logits, labels


@pytest.mark.parametrize("ties", [False, True])
def test_metrics_equal_scikit_learns(ties: bool) -> None:
    logits, labels = made(ties=ties)
    thresholds = [0.5, 0.4, 0.7, 0.2]
    sheet = sets_sheet(logits, labels, thresholds)
    decided = expit(logits.astype(float)) >= thresholds
    assert np.array_equal(sheet["decided"], decided)
    assert SETS_METRICS["f1_micro"](sheet) == pytest.approx(f1_score(labels, decided, average="micro"))
    assert SETS_METRICS["f1_macro"](sheet) == pytest.approx(f1_score(labels, decided, average="macro"))
    assert SETS_METRICS["exact"](sheet) == pytest.approx((labels == decided).all(axis=1).mean())
    assert SETS_METRICS["map"](sheet) == pytest.approx(average_precision_score(labels, logits, average="macro"))
    nll = sum(log_loss(labels[:, k], expit(logits[:, k].astype(float))) for k in range(4))
    assert SETS_METRICS["nll"](sheet) == pytest.approx(nll)


def test_a_class_that_no_label_shows_is_in_no_mean() -> None:
    logits, labels = made()
    labels[:, 2] = False
    sheet, rest = sets_sheet(logits, labels, [0.5] * 4), [0, 1, 3]
    decided = sheet["decided"]
    assert SETS_METRICS["f1_macro"](sheet) == pytest.approx(
        np.mean([f1_score(labels[:, k], decided[:, k]) for k in rest])
    )
    assert SETS_METRICS["map"](sheet) == pytest.approx(
        np.mean([average_precision_score(labels[:, k], logits[:, k]) for k in rest])
    )
    nothing = sets_sheet(logits, np.zeros_like(labels), [0.5] * 4)
    assert [SETS_METRICS[name](nothing) for name in ("f1_micro", "f1_macro", "map")] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("ties", [False, True])
def test_thresholds_have_the_highest_f1_there_is(ties: bool) -> None:
    logits, labels = made(ties=ties)
    found = fit_thresholds(logits, labels)
    assert found.fitted == [True] * 4
    for k, limit in enumerate(found.values):
        own = f1_score(labels[:, k], label_sets(logits[:, k : k + 1], [limit])[:, 0])
        limits = np.unique(expit(logits[:, k].astype(float)))
        best = max(f1_score(labels[:, k], expit(logits[:, k].astype(float)) >= each) for each in limits)
        assert own == pytest.approx(best)
        assert 0 < limit < 1


def test_of_equal_thresholds_the_one_nearest_to_one_half() -> None:
    logits = np.concatenate([np.full(20, -4.0), np.full(20, 4.0)])[:, None].astype(np.float32)
    labels = (logits > 0).astype(bool)
    assert fit_thresholds(logits, labels).values == [pytest.approx(0.5)]


def test_the_threshold_of_a_few_rows_is_not_fitted() -> None:
    logits, labels = made(100, 2)
    for rows, fitted in ((FEWEST - 1, False), (FEWEST, True)):
        labels[:, 0] = np.arange(100) < rows
        labels[:, 1] = np.arange(100) >= rows
        found = fit_thresholds(logits, labels)
        assert found.fitted == [fitted, fitted]
        assert fitted or found.values == [0.5, 0.5]


def test_logits_that_are_sure_beyond_any_float_have_thresholds_all_the_same() -> None:
    logits, labels = made(60, 1)
    found = fit_thresholds(1e4 * logits, labels)
    assert 0 < found.values[0] < 1


@pytest.mark.slow
def test_the_mean_area_and_its_width_under_chance() -> None:
    """Against scikit-learn's area, and against every permutation of a few rows."""
    logits, labels = made(80, 3)
    found = against_ranking(sets_sheet(logits, labels, [0.5] * 3))
    assert found.value == pytest.approx(roc_auc_score(labels, logits, average="macro"))
    assert not found.at_chance
    logits, labels = made(7, 2, seed=3)
    labels[0], labels[1] = [True, False], [False, True]
    areas = [roc_auc_score(labels[list(order)], logits, average="macro") for order in itertools.permutations(range(7))]
    found = against_ranking(sets_sheet(logits, labels, [0.5] * 2))
    width = 1.96 * np.std(areas)
    low, high = max(0, found.value - width), min(1, found.value + width)
    assert found.ci95 == pytest.approx((low, high), rel=1e-6)
    assert np.mean(areas) == pytest.approx(found.constant)


def test_nothing_can_be_told_where_no_class_varies() -> None:
    logits, labels = made(20, 2)
    assert not against_ranking(sets_sheet(logits, np.ones_like(labels), [0.5] * 2)).at_chance


def test_divergence_of_two_models() -> None:
    (one, _), (other, _) = made(), made(seed=1)
    p, q = expit(one.astype(float)), expit(other.astype(float))
    expected = (rel_entr(p, q) + rel_entr(1 - p, 1 - q)).sum(axis=1).mean()
    assert sets_kl(one, other) == pytest.approx(expected)
    assert sets_kl(one, one) == 0
    assert np.isfinite(sets_kl(1e3 * one, 1e3 * other))


def test_a_diverged_model_is_refused() -> None:
    logits, labels = made(10)
    logits[4, 1] = np.nan
    with pytest.raises(LimbeckError, match="1 of 10 rows of logits hold NaN or infinity, the first is row 4"):
        sets_sheet(logits, labels, [0.5] * 4)
