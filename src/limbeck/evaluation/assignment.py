"""Are a teacher's outputs called by the names of other classes?"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

LEAST_GAIN = 0.1
"""Share of the rows that another assignment has to be right on beyond the names."""
MOST_LUCK = 1e-3
"""Largest p of the sign test that still counts as evidence."""


@dataclass(frozen=True)
class Assignment:
    """A model's decisions under their own names, and under the names that fit the labels best.

    Attributes:
        classes: by output, the class that fits it best, one output each.
        accuracy: share of the rows that are right under the outputs' own names.
        best: the same under `classes`.
        sound: whether names that fit make the decisions agree with the labels beyond chance, and `classes` has no lower
            mean of the recalls: a teacher that knows nothing, or prefers a rare class, is not one with wrong names.
        p: one-sided sign test over the rows on which the two differ. Each half of the rows is judged by the assignment
            that fits the other half best: an assignment is always good on the rows that it was chosen on.
    """

    classes: tuple[int, ...]
    accuracy: float
    best: float
    sound: bool
    p: float

    @property
    def misnamed(self) -> bool:
        """Whether the outputs' own names are wrong: `classes` is better by far, and not by luck."""
        return self.best - self.accuracy >= LEAST_GAIN and self.p < MOST_LUCK and self.sound


def best_assignment(decisions: np.ndarray, labels: np.ndarray, classes: int) -> Assignment:
    """Compare the names of a model's outputs with the one-to-one assignment that fits the labels best.

    The assignment is that of Kuhn 1955, "The Hungarian method for the assignment problem"; among equals, outputs keep
    their own class.

    Args:
        decisions: `(n,)` integers in [0, classes), the output that is largest; n > 0.
        labels: `(n,)` integers in [0, classes).
        classes: their number.
    """
    from scipy.stats import binom  # late: as in `against_chance`

    found = _fitting(decisions, labels, classes)
    halves = _halves(labels)
    held_out = np.empty_like(labels)
    for half in (halves, ~halves):
        held_out[half] = _fitting(decisions[~half], labels[~half], classes)[decisions[half]]
    own, other = decisions == labels, held_out == labels
    won, lost = int((other & ~own).sum()), int((own & ~other).sum())
    assigned = found[decisions] == labels
    return Assignment(
        tuple(found.tolist()),
        float(own.mean()),
        float(assigned.mean()),
        _beyond_chance(held_out, labels, classes) and _balanced(assigned, labels) >= _balanced(own, labels),
        float(binom.sf(won - 1, won + lost, 0.5)),
    )


def _fitting(decisions: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Return by output the class that fits it best, (classes,)."""
    from scipy.optimize import linear_sum_assignment

    table = np.bincount(decisions * classes + labels, minlength=classes**2).reshape(classes, classes)
    # A row counts more than all bonuses for an output's own class together.
    return linear_sum_assignment(table * (classes + 1) + np.eye(classes, dtype=table.dtype), maximize=True)[1]


def _halves(labels: np.ndarray) -> np.ndarray:
    """Return which rows are the first half, (n,) bool: every other row of each class."""
    first = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        first[np.flatnonzero(labels == label)[::2]] = True
    return first


def _beyond_chance(decisions: np.ndarray, labels: np.ndarray, classes: int) -> bool:
    """Return whether decisions agree with labels more often than independent ones of the same shares would.

    By Cohen's kappa and its standard error under independence (Fleiss, Cohen and Everitt 1969), at `MOST_LUCK`.
    """
    p, q = (np.bincount(each, minlength=classes) / len(labels) for each in (decisions, labels))
    expected = float(p @ q)
    variance = (expected + expected**2 - float((p * q) @ (p + q))) / len(labels)
    return (
        float((decisions == labels).mean()) - expected > NormalDist().inv_cdf(1 - MOST_LUCK) * max(variance, 0) ** 0.5
    )


def _balanced(right: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))
