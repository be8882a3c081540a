"""The metrics of predicted values; the first three can be what a run is judged by.

A sheet has `outputs` and `labels`, both (rows, columns) in the labels' units, and `errors`, (rows, columns): outputs
minus labels, of several columns each in standard deviations of its training labels, so that they can be averaged.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from limbeck.errors import LimbeckError
from limbeck.evaluation.figures import ValueScores
from limbeck.evaluation.metric import Metric, Sheet, share
from limbeck.evaluation.records import Chance

ValuesMetric = Literal["rmse", "mae", "r2"]
"""What a run can be judged by."""
_SIDE = 1.96  # standard errors on either side of a 95 % interval


def values_sheet(outputs: NDArray, labels: NDArray, scale: NDArray[np.float64]) -> Sheet:
    """Return a model's answers.

    Args:
        outputs: (rows, columns).
        labels: (rows, columns).
        scale: (columns,), by which the errors of each column are divided.

    Raises:
        LimbeckError: an output is not finite.
    """
    outputs = np.asarray(outputs, np.float64)
    bad = ~np.isfinite(outputs).all(axis=1)
    if bad.any():
        raise LimbeckError(
            f"{bad.sum()} of {len(outputs)} rows of outputs hold NaN or infinity, the first is row {bad.argmax()}",
            where="evaluation",
            fix="look for a diverged training",
        )
    return {"outputs": outputs, "labels": labels, "errors": (outputs - labels) / scale}


def _squares(sheet: Sheet) -> NDArray[np.float64]:
    squares = (sheet["errors"] ** 2).mean(axis=1)
    return np.stack([squares, np.ones_like(squares)], axis=1)


def _absolute(sheet: Sheet) -> NDArray[np.float64]:
    sizes = np.abs(sheet["errors"]).mean(axis=1)
    return np.stack([sizes, np.ones_like(sizes)], axis=1)


def _root(sums: NDArray) -> NDArray:
    return np.sqrt(share(sums))


def _moments(sheet: Sheet) -> NDArray[np.float64]:
    """Return of every column the squared error, the label and its square, and 1: (rows, 3 * columns + 1)."""
    errors, labels = sheet["outputs"] - sheet["labels"], sheet["labels"]
    # About the mean of the split, which is the same for all models: of large labels no digits are lost.
    centred = labels - labels.mean(axis=0)
    return np.hstack([errors**2, centred, centred**2, np.ones((len(labels), 1))])


def _explained(sums: NDArray) -> NDArray:
    count = sums[..., -1:]
    errors, first, second = np.split(sums[..., :-1], 3, axis=-1)
    spread = second - first**2 / count
    # A column that does not vary has nothing to explain.
    return np.where(spread > 0, 1 - errors / np.where(spread > 0, spread, 1.0), 0.0).mean(axis=-1)


def _spearman(sheet: Sheet) -> float:
    found = []
    for column in range(sheet["labels"].shape[1]):
        one, other = (_ranks(sheet[name][:, column]) for name in ("outputs", "labels"))
        one, other = one - one.mean(), other - other.mean()
        size = float(np.sqrt((one @ one) * (other @ other)))
        found.append(float(one @ other) / size if size else 0.0)
    return float(np.mean(found))


def _ranks(values: NDArray) -> NDArray:
    """Return the rank of each value, from 1; equal values share the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[places]


def _no_sum(given: object) -> NDArray:
    raise TypeError("a rank correlation is no sum over rows")


RMSE = Metric("rmse", "RMSE", "value", "lower", _squares, _root)
"""Root mean squared error; over several columns, the root of the mean over columns in standard deviations."""
MAE = Metric("mae", "MAE", "value", "lower", _absolute, share, linear=True)
"""Mean absolute error."""
R2 = Metric("r2", "R²", "value", "higher", _moments, _explained)
"""Share of the labels' variance that is explained, mean over columns; 0: as good as their mean; it may be negative."""
SPEARMAN = Metric("spearman", "Spearman", "value", "higher", _no_sum, _no_sum, value=_spearman)
"""Rank correlation, mean over columns."""

VALUES_METRICS: dict[str, Metric] = {metric.name: metric for metric in (RMSE, MAE, R2, SPEARMAN)}


def values_by_column(sheets: Sequence[Sheet], columns: Sequence[str]) -> list[ValueScores]:
    """Return RMSE and R² of every column, each in its own unit, means over seeds.

    Args:
        sheets: one a seed.
        columns: their names.
    """
    found = []
    for column, name in enumerate(columns):
        alone = [values_sheet(one["outputs"][:, [column]], one["labels"][:, [column]], np.ones(1)) for one in sheets]
        rmse, r2 = (float(np.mean([metric(sheet) for sheet in alone])) for metric in (RMSE, R2))
        found.append(ValueScores(name=name, rmse=rmse, r2=r2))
    return found


def against_mean(sheet: Sheet) -> Chance:
    """Return the share of variance that a model explains beside that of the best constant, which is 0.

    The interval is that of a ratio of two sums over rows by the delta method (Cochran 1977, "Sampling Techniques",
    section 6.3).
    """
    errors, labels = sheet["outputs"] - sheet["labels"], sheet["labels"]
    spread = (labels - labels.mean(axis=0)) ** 2
    varied = spread.sum(axis=0) > 0
    if not varied.any():  # nothing can be told from it
        return Chance(title="explained variance", value=0.0, ci95=(0.0, 0.0), constant=0.0, at_chance=False)
    squares, spread = errors[:, varied] ** 2, spread[:, varied]
    left = squares.sum(axis=0) / spread.sum(axis=0)
    rows = ((squares - left * spread) / spread.sum(axis=0)).mean(axis=1)
    value, side = float(1 - left.mean()), _SIDE * float(np.linalg.norm(rows))
    low, high = value - side, value + side
    return Chance(title="explained variance", value=value, ci95=(low, high), constant=0.0, at_chance=low <= 0)
