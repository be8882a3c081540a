"""The metrics of a classifier; the first two can be what a run is judged by."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from limbeck.evaluation.metric import Metric, Sheet, share, sheet_of
from limbeck.evaluation.metrics import bins_of, checked, ece, log_softmax, nll

MetricName = Literal["accuracy", "f1_macro"]
"""What a run can be judged by."""


def _right(sheet: Sheet) -> NDArray[np.int8]:
    right = sheet["decided"] == sheet["labels"]
    return np.stack([right, np.ones_like(right)], axis=1).astype(np.int8)


def _class_counts(sheet: Sheet) -> NDArray[np.int8]:
    """Return, for every class that the labels show, whether it is decided rightly, and how often it occurs (0 to 2)."""
    shown = np.unique(sheet["labels"])
    true, decided = sheet["labels"][:, None] == shown, sheet["decided"][:, None] == shown
    return np.hstack([true & decided, true.astype(np.int8) + decided]).astype(np.int8)


def _mean_f1(sums: NDArray) -> NDArray:
    classes = sums.shape[-1] // 2
    right, occurrences = sums[..., :classes], sums[..., classes:]  # tp, and 2 tp + fp + fn
    return (2 * right / np.maximum(occurrences, 1)).mean(axis=-1)


def _surprise(sheet: Sheet) -> NDArray[np.float64]:
    rows = -log_softmax(sheet["logits"].astype(np.float64))[np.arange(len(sheet["labels"])), sheet["labels"]]
    return np.stack([rows, np.ones_like(rows)], axis=1)


def _by_bin(sheet: Sheet) -> NDArray[np.float64]:
    """Return confidence, whether right, and 1, each in the column of the row's bin: (examples, 3 * bins)."""
    place, confidence, right = bins_of(sheet["logits"].astype(np.float64), sheet["labels"])
    inside = place[:, None] == np.arange(place.max() + 1)
    return np.hstack([inside * confidence[:, None], inside * right[:, None], inside.astype(np.float64)])


def _gap(sums: NDArray) -> NDArray:
    confidence, right, count = np.split(sums, 3, axis=-1)
    return np.abs(confidence - right).sum(axis=-1) / count.sum(axis=-1)


ACCURACY = Metric("accuracy", "accuracy", "share", "higher", _right, share, linear=True)
"""Share of decisions equal to the label."""

F1_MACRO = Metric("f1_macro", "macro F1", "share", "higher", _class_counts, _mean_f1)
"""Unweighted mean of the F1 of the classes that the labels show: scikit-learn's with `labels=numpy.unique(labels)`.

The classes are fixed by the labels, so that two models are measured over the same ones. A decision for a class that the
labels do not show is a miss of the true class, and no more: it has no F1 of its own in the mean.
"""

NLL = Metric("nll", "NLL", "nats", "lower", _surprise, share, value=lambda sheet: nll(sheet["logits"], sheet["labels"]))
"""Mean negative log-likelihood of the true class."""

ECE = Metric(
    "ece", "calibration error (ECE)", "share", "lower", _by_bin, _gap,
    value=lambda sheet: ece(sheet["logits"], sheet["labels"]),
)  # fmt: skip
"""Expected calibration error over 15 equal-width bins (Guo et al. 2017, equation 5)."""

METRICS: dict[str, Metric] = {metric.name: metric for metric in (ACCURACY, F1_MACRO, NLL, ECE)}
JUDGING: dict[str, Metric] = {metric.name: metric for metric in (ACCURACY, F1_MACRO)}
"""Those of `MetricName`."""


def ordered_metrics(first: str) -> list[Metric]:
    """Return every metric, that of the run first."""
    return [METRICS[first], *(metric for name, metric in METRICS.items() if name != first)]


def f1_macro(logits: np.ndarray, labels: np.ndarray) -> float:
    """Unweighted mean of the F1 of the classes that the labels show, in [0, 1]; see `F1_MACRO`."""
    return F1_MACRO(sheet_of(*checked(logits, labels)))


def scores(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return one model's quality on one split, by metric."""
    sheet = sheet_of(*checked(logits, labels))
    return {name: metric(sheet) for name, metric in METRICS.items()}


def mean_scores(per_seed: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean over seeds of every metric; of at least one seed."""
    return {name: float(np.mean([one[name] for one in per_seed])) for name in per_seed[0]}
