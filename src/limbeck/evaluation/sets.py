"""The metrics of label sets; the first three can be what a run is judged by.

A sheet has `logits` (rows, classes), `decided` and `labels`, both (rows, classes) bool.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from limbeck.errors import LimbeckError
from limbeck.evaluation.metric import Metric, Sheet, share
from limbeck.evaluation.records import Chance
from limbeck.runtime.decisions import label_sets, sigmoid

SetsMetric = Literal["f1_micro", "f1_macro", "exact"]
"""What a run can be judged by."""
FEWEST = 10
"""Validation rows with a class, and without it, below which its threshold is not fitted."""
_PLAIN = 0.5
_SIDE = 1.96  # standard errors on either side of a 95 % interval


def sets_sheet(logits: NDArray, labels: NDArray[np.bool_], thresholds: Sequence[float]) -> Sheet:
    """Return a model's answers.

    Raises:
        LimbeckError: a logit is not finite.
    """
    logits = np.asarray(logits)
    bad = ~np.isfinite(logits).all(axis=1)
    if bad.any():
        raise LimbeckError(
            f"{bad.sum()} of {len(logits)} rows of logits hold NaN or infinity, the first is row {bad.argmax()}",
            where="evaluation",
            fix="look for a diverged training",
        )
    return {"logits": logits, "decided": label_sets(logits, thresholds), "labels": labels}


def _micro(sheet: Sheet) -> NDArray[np.int64]:
    """Return for every row how many labels are decided rightly, and how many there are in both sets."""
    both = sheet["labels"] & sheet["decided"]
    return np.stack([both.sum(axis=1), sheet["labels"].sum(axis=1) + sheet["decided"].sum(axis=1)], axis=1)


def _f1(sums: NDArray) -> NDArray:
    return 2 * sums[..., 0] / np.maximum(sums[..., 1], 1)


def _by_class(sheet: Sheet) -> NDArray[np.int8]:
    """Return the same for every class that a label shows, each by itself."""
    shown = sheet["labels"].any(axis=0)
    true, decided = sheet["labels"][:, shown], sheet["decided"][:, shown]
    return np.hstack([true & decided, true.astype(np.int8) + decided]).astype(np.int8)


def _mean_f1(sums: NDArray) -> NDArray:
    right, occurrences = np.split(sums, 2, axis=-1)
    return (2 * right / np.maximum(occurrences, 1)).mean(axis=-1) if right.shape[-1] else np.zeros(sums.shape[:-1])


def _exact(sheet: Sheet) -> NDArray[np.int8]:
    right = np.all(sheet["labels"] == sheet["decided"], axis=1)
    return np.stack([right, np.ones_like(right)], axis=1).astype(np.int8)


def _surprise(sheet: Sheet) -> NDArray[np.float64]:
    wide = sheet["logits"].astype(np.float64)
    rows = np.logaddexp(0.0, np.where(sheet["labels"], -wide, wide)).sum(axis=1)
    return np.stack([rows, np.ones_like(rows)], axis=1)


def _average_precision(sheet: Sheet) -> float:
    """Return the mean over classes of the area under precision against recall, as scikit-learn has it."""
    found = []
    for column in np.flatnonzero(sheet["labels"].any(axis=0)):
        scores, labels = sheet["logits"][:, column], sheet["labels"][:, column]
        order = np.argsort(-scores, kind="stable")
        scores, right = scores[order], np.cumsum(labels[order])
        last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)  # of rows with equal scores
        found.append(float(np.diff(right[last] / right[-1], prepend=0.0) @ (right[last] / (last + 1))))
    return float(np.mean(found)) if found else 0.0


def _no_sum(given: object) -> NDArray:
    raise TypeError("an average precision is no sum over rows")


F1_MICRO = Metric("f1_micro", "micro F1", "share", "higher", _micro, _f1)
"""F1 of all decisions together: a frequent class weighs more."""
SETS_F1_MACRO = Metric("f1_macro", "macro F1", "share", "higher", _by_class, _mean_f1)
"""Unweighted mean of the F1 of the classes that the labels show."""
EXACT = Metric("exact", "sets all right", "share", "higher", _exact, share, linear=True)
"""Share of rows whose whole label set is right."""
SETS_NLL = Metric(
    "nll", "NLL", "nats", "lower", _surprise, share, value=lambda sheet: float(share(_surprise(sheet).sum(axis=0)))
)
"""Mean negative log-likelihood of the whole label set, its labels independent given the row."""
MEAN_AP = Metric("map", "mean AP", "share", "higher", _no_sum, _no_sum, value=_average_precision)
"""Mean over classes of the average precision: how well a model ranks, whatever the thresholds."""

SETS_METRICS: dict[str, Metric] = {one.name: one for one in (F1_MICRO, SETS_F1_MACRO, EXACT, MEAN_AP, SETS_NLL)}


class Thresholds(NamedTuple):
    """The probability from which on each class is decided for, and for which classes that was fitted."""

    values: list[float]
    fitted: list[bool]


def fit_thresholds(logits: NDArray, labels: NDArray[np.bool_]) -> Thresholds:
    """Return the thresholds of the highest F1 on validation, class by class; among equals the one nearest to 0.5.

    A class with fewer than `FEWEST` rows that have it, or that have it not, keeps 0.5: the best of a few is luck.

    Args:
        logits: (rows, classes).
        labels: (rows, classes) bool.
    """
    probabilities, values, fitted = sigmoid(logits), [], []
    for column, true in enumerate(labels.T):
        enough = min(int(true.sum()), int((~true).sum())) >= FEWEST
        values.append(_best_threshold(probabilities[:, column], true) if enough else _PLAIN)
        fitted.append(enough)
    return Thresholds(values, fitted)


def _best_threshold(probabilities: NDArray[np.float64], true: NDArray[np.bool_]) -> float:
    order = np.argsort(-probabilities, kind="stable")
    ranked, right = probabilities[order], np.cumsum(true[order])
    last = np.flatnonzero(np.append(np.diff(ranked) < 0, True))  # rows with equal ones are decided alike
    f1 = 2 * right[last] / (last + 1 + right[-1])
    # Half-way to the next lower probability: neither side is at the edge.
    below = np.append(ranked[np.minimum(last[:-1] + 1, len(ranked) - 1)], 0.0)
    limits = np.clip((ranked[last] + below) / 2, 1e-9, 1 - 1e-9)
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    return float(limits[best[np.argmin(np.abs(limits[best] - _PLAIN))]])


def against_ranking(sheet: Sheet) -> Chance:
    """Return how well a model ranks the rows of each class, mean of the areas under the ROC, beside chance's 0.5.

    Thresholds have no part in it: they are fitted on the very rows. The interval is as wide as the mean area varies
    where labels have nothing to do with the outputs (Hoeffding 1951, "A Combinatorial Central Limit Theorem"); it sees
    that classes stand together.
    """
    from scipy.stats import rankdata  # late: as in `against_chance`

    counts = sheet["labels"].sum(axis=0)
    shown = np.flatnonzero((counts > 0) & (counts < len(sheet["labels"])))
    if not len(shown):  # nothing can be told from it
        return Chance(title="mean AUC", value=0.5, ci95=(0.5, 0.5), constant=0.5, at_chance=False)
    labels = sheet["labels"][:, shown].astype(np.float64)
    ranks = rankdata(sheet["logits"][:, shown], axis=0)
    rows, positive = len(labels), labels.sum(axis=0)
    pairs = positive * (rows - positive)
    areas = ((ranks * labels).sum(axis=0) - positive * (positive + 1) / 2) / pairs
    value = float(areas.mean())
    own, other = ranks - ranks.mean(axis=0), (labels - labels.mean(axis=0)) / (pairs * len(shown))
    side = _SIDE * float(np.sqrt(np.sum((own.T @ own) * (other.T @ other)) / max(1, rows - 1)))
    low, high = max(0.0, value - side), min(1.0, value + side)
    return Chance(title="mean AUC", value=value, ci95=(low, high), constant=0.5, at_chance=low <= 0.5)


def sets_kl(teacher: NDArray, student: NDArray) -> float:
    """Return the mean over rows of KL(teacher || student) in nats, summed over the classes, at temperature 1."""
    one, other = teacher.astype(np.float64), student.astype(np.float64)
    p = sigmoid(one)
    apart = p * (np.logaddexp(0, -other) - np.logaddexp(0, -one)) + (1 - p) * (
        np.logaddexp(0, other) - np.logaddexp(0, one)
    )
    return float(np.maximum(apart.sum(axis=1), 0.0).mean())
