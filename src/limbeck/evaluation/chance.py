"""Does a model decide better than one constant class does?"""

from collections.abc import Sequence

import numpy as np

from limbeck.evaluation.metrics import confusion
from limbeck.evaluation.records import Chance

_TAIL = 0.025  # on either side of a 95 % interval


def against_chance(logits: np.ndarray, labels: np.ndarray) -> Chance:
    """Return a model's balanced accuracy beside that of a constant prediction, whatever the share of the classes.

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
    return balanced([confusion(logits, labels)])


def balanced(tables: Sequence[np.ndarray]) -> Chance:
    """Return the mean balanced accuracy of one or several decisions a row; see `against_chance`.

    Args:
        tables: of each decision the confusion, (classes, classes), rows true.
    """
    from scipy.stats import beta  # late: 1 s that a caller of the other metrics need not pay

    means, constants, gaps = [], [], []
    for table in tables:
        rows = table.sum(axis=1)
        shown = rows > 0
        right, rows = table.diagonal()[shown], rows[shown]
        recall, share = right / rows, 1 / len(rows)
        lows = np.where(right > 0, beta.ppf(_TAIL, right, rows - right + 1), 0.0)
        highs = np.where(right < rows, beta.ppf(1 - _TAIL, right + 1, rows - right), 1.0)
        means.append(float(recall.mean()))
        constants.append(share)
        gaps.append([share * float(np.linalg.norm(gap)) for gap in (recall - lows, highs - recall)])
    mean, constant = float(np.mean(means)), float(np.mean(constants))
    # Decisions about one row may err together: their gaps are added, not their squares.
    down, up = np.mean(gaps, axis=0).tolist()
    low, high = max(0.0, mean - down), min(1.0, mean + up)
    # Where the labels show one class only, nothing can be told from it.
    return Chance(value=mean, ci95=(low, high), constant=constant, at_chance=constant < 1 and low <= constant)
