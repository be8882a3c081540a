"""What a run is judged by: a metric is a sum over the examples and a formula of that sum.

Such a metric can be resampled (draw examples anew, sum, apply the formula) and tested (swap two models' answers to an
example, sum, apply the formula), whatever the formula is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MetricName = Literal["accuracy", "f1_macro"]
Sheet = Mapping[str, NDArray[np.int64]]
"""A model's answers on a split: `decided` and `labels`, both `(examples,)`."""


@dataclass(frozen=True)
class Metric:
    """A number in [0, 1], higher is better.

    Attributes:
        name: as in a recipe.
        title: in words.
        parts: of a sheet, `(examples, k)` small whole numbers.
        of: sums of parts over examples, `(..., k)`, to values `(...)`.
        linear: whether `of` is linear in whatever two models' answers can differ in, as a mean is: the seeds of an arm
            may then be summed before `of`.
    """

    name: MetricName
    title: str
    parts: Callable[[Sheet], NDArray[np.int8]]
    of: Callable[[NDArray], NDArray]
    linear: bool = False

    def value(self, sheet: Sheet) -> float:
        """Return the metric of a model's answers."""
        return float(self.of(self.parts(sheet).sum(axis=0, dtype=np.int64)))


def by_unit(parts: NDArray, units: NDArray[np.int64]) -> NDArray:
    """Return parts summed over the rows of each unit, (seeds, units, k).

    Examples that look alike are one unit: they are no further evidence, and are resampled and swapped together. A
    metric of the sums stays what it is.

    Args:
        parts: (seeds, examples, k).
        units: (examples,) the number of each example's unit, counted from 0 in the order of the examples.
    """
    count = int(units.max()) + 1
    if count == len(units):
        return parts
    summed = np.zeros((len(parts), count, parts.shape[2]), np.int64)
    np.add.at(summed.transpose(1, 0, 2), units, parts.transpose(1, 0, 2))
    return summed


def sheet_of(logits: NDArray, labels: NDArray) -> Sheet:
    """Return a classifier's answers; a decision is the argmax, the lowest class among equals."""
    return {"decided": np.asarray(logits).argmax(axis=1), "labels": np.asarray(labels)}


def _right(sheet: Sheet) -> NDArray[np.int8]:
    right = sheet["decided"] == sheet["labels"]
    return np.stack([right, np.ones_like(right)], axis=1).astype(np.int8)


def _share(sums: NDArray) -> NDArray:
    return sums[..., 0] / sums[..., 1]


def _class_counts(sheet: Sheet) -> NDArray[np.int8]:
    """Return, for every class that the labels show, whether it is decided rightly, and how often it occurs (0 to 2)."""
    shown = np.unique(sheet["labels"])
    true, decided = sheet["labels"][:, None] == shown, sheet["decided"][:, None] == shown
    return np.hstack([true & decided, true.astype(np.int8) + decided]).astype(np.int8)


def _mean_f1(sums: NDArray) -> NDArray:
    classes = sums.shape[-1] // 2
    right, occurrences = sums[..., :classes], sums[..., classes:]  # tp, and 2 tp + fp + fn
    return (2 * right / np.maximum(occurrences, 1)).mean(axis=-1)


ACCURACY = Metric("accuracy", "accuracy", _right, _share, linear=True)
"""Share of decisions equal to the label."""

F1_MACRO = Metric("f1_macro", "macro F1", _class_counts, _mean_f1)
"""Unweighted mean of the F1 of the classes that the labels show: scikit-learn's with `labels=numpy.unique(labels)`.

The classes are fixed by the labels, so that two models are measured over the same ones. A decision for a class that the
labels do not show is a miss of the true class, and no more: it has no F1 of its own in the mean.
"""


def chooses(metric: MetricName, scores: Mapping[str, float]) -> list[float]:
    """Return what checkpoints, grid points and the seed to ship are chosen by; higher is better.

    The first number decides, the next between equals. Of accuracy it is the calibrated NLL, which sees more than right
    and wrong; of macro F1 it is macro F1 itself, as a likelihood is of the frequent classes.

    Args:
        metric: the run's.
        scores: of the validation split: `calibrated_nll`, and the metric under its name.
    """
    likelihood = -scores["calibrated_nll"]
    return [likelihood] if metric == "accuracy" else [round(scores[metric], 9), likelihood]


METRICS: dict[MetricName, Metric] = {metric.name: metric for metric in (ACCURACY, F1_MACRO)}
