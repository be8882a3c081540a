"""Does a model decide better than one constant class does?"""

from dataclasses import dataclass

import numpy as np

from limbeck.evaluation.metrics import confusion

_TAIL = 0.025  # on either side of a 95 % interval


@dataclass(frozen=True)
class Chance:
    """A model's balanced accuracy beside that of a constant prediction; fractions.

    Attributes:
        balanced_accuracy: unweighted mean of the recalls of the classes that the labels show.
        ci95: its 95 % interval, over the choice of rows.
        constant: the balanced accuracy of any constant prediction, 1 / (number of classes that the labels show).
    """

    balanced_accuracy: float
    ci95: tuple[float, float]
    constant: float

    @property
    def at_chance(self) -> bool:
        """Whether the interval reaches down to the constant prediction; False where the labels show one class only."""
        return self.constant < 1 and self.ci95[0] <= self.constant


def against_chance(logits: np.ndarray, labels: np.ndarray) -> Chance:
    """Compare a model with a constant prediction, whatever the share of the classes.

    The interval combines the exact interval of each recall (Clopper and Pearson 1934) by the method of variance
    estimates recovery (Zou and Donner 2008, "Construction of confidence limits about effect measures: A general
    approach"). Unlike a bootstrap, it has a width where a class has a few rows that are all right or all wrong.

    Args:
        logits: `(n, classes)`, n > 0, finite; the decision is the argmax. A decision for a class that the labels do not
            show is an error.
        labels: `(n,)` integers in [0, classes).

    Raises:
        LimbeckError: on logits or labels of another form.
    """
    from scipy.stats import beta  # late: 1 s that a caller of the other metrics need not pay

    table = confusion(logits, labels)
    rows = table.sum(axis=1)
    shown = rows > 0
    right, rows = table.diagonal()[shown], rows[shown]
    recall = right / rows
    low = np.where(right > 0, beta.ppf(_TAIL, right, rows - right + 1), 0.0)
    high = np.where(right < rows, beta.ppf(1 - _TAIL, right + 1, rows - right), 1.0)
    mean, share = float(recall.mean()), 1 / len(recall)
    down, up = (share * float(np.linalg.norm(gap)) for gap in (recall - low, high - recall))
    return Chance(mean, (max(0.0, mean - down), min(1.0, mean + up)), share)
