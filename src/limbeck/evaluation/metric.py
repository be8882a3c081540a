"""What a model is judged by: a metric is a sum over the examples and a formula of that sum.

Such a metric can be resampled (draw examples anew, sum, apply the formula) and tested (swap two models' answers to an
example, sum, apply the formula), whatever the formula is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from limbeck.runtime.decisions import classes

Quantity = Literal["share", "nats", "value"]
"""What a metric is: a share in [0, 1], nats, or in the unit of what is predicted."""
Better = Literal["higher", "lower"]

Sheet = Mapping[str, NDArray]
"""A model's answers on a split, arrays whose first axis is the predictions: one an example, or one a token.

Of a classifier: `logits` (predictions, classes), `decided` and `labels`, both (predictions,) class indices.
"""


@dataclass(frozen=True)
class Metric:
    """A number that says how good a sheet is.

    Attributes:
        name: as in a recipe and in `evaluation.json`.
        title: in words.
        quantity: a share, nats, or a value in the unit of what is predicted.
        better: whether a higher or a lower one is.
        parts: of a sheet, `(predictions, k)`: whole numbers where they can be, as their sums are exact.
        of: sums of parts over predictions, `(..., k)`, to values `(...)`.
        value: of a sheet, where the exact sum differs from that of `parts` in its last bits; None: by `parts` and `of`.
        linear: whether `of` is linear in whatever two models' answers can differ in, as a mean is: the seeds of an arm
            may then be summed before `of`.
    """

    name: str
    title: str
    quantity: Quantity
    better: Better
    parts: Callable[[Sheet], NDArray]
    of: Callable[[NDArray], NDArray]
    value: Callable[[Sheet], float] | None = None
    linear: bool = False

    def __call__(self, sheet: Sheet) -> float:
        """Return the metric of a model's answers."""
        if self.value is not None:
            return self.value(sheet)
        return float(self.of(total(self.parts(sheet), axis=0)))

    @property
    def sign(self) -> int:
        """By which differences are multiplied, so that more is better."""
        return 1 if self.better == "higher" else -1


def total(parts: NDArray, axis: int) -> NDArray:
    """Return sums along an axis: of whole numbers exact, of others in float64."""
    return parts.sum(axis=axis, dtype=np.int64 if np.issubdtype(parts.dtype, np.integer) else np.float64)


def by_unit(parts: NDArray, units: NDArray[np.int64]) -> NDArray:
    """Return parts summed over the predictions of each unit, (seeds, units, k).

    The tokens of an example, and examples that look alike, are one unit: they are no further evidence, and are
    resampled and swapped together. A metric of the sums stays what it is.

    Args:
        parts: (seeds, predictions, k).
        units: (predictions,) the number of each prediction's unit, counted from 0: of examples those that
            `Predictions.units` has, or where examples look alike `alike[units]`.
    """
    count = int(units.max()) + 1
    if np.array_equal(units, np.arange(len(units))):
        return parts
    whole = np.issubdtype(parts.dtype, np.integer)
    summed = np.zeros((len(parts), count, parts.shape[2]), np.int64 if whole else np.float64)
    np.add.at(summed.transpose(1, 0, 2), units, parts.transpose(1, 0, 2))
    return summed


def sheet_of(logits: NDArray, labels: NDArray) -> Sheet:
    """Return a classifier's answers.

    Args:
        logits: (predictions, classes).
        labels: (predictions,) class indices.
    """
    logits = np.asarray(logits)
    return {"logits": logits, "decided": classes(logits), "labels": np.asarray(labels)}


def share(sums: NDArray) -> NDArray:
    """Return the first sum over the second: the formula of a mean, whose second part is 1 an example."""
    return sums[..., 0] / sums[..., 1]
