"""From which probability on a classifier may be believed: chosen on validation, for several shares of right answers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.runtime.decisions import SHARES

LEAST = 30
"""Rows with an answer, below which a share says nothing."""


def confidences(probabilities: NDArray[np.floating[Any]], right: NDArray[np.bool_]) -> dict[str, dict[str, float]]:
    """Return by share of right answers the lowest probability from which so many are right, and how many rows have one.

    Rows of one probability stand together. Shares that no probability reaches are left out. Source: selective
    classification, Geifman and El-Yaniv 2017, arXiv:1705.08500, with the observed share in the place of its bound.

    Args:
        probabilities: (rows,) of the decided class.
        right: (rows,) whether it is the label.
    """
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order]
    answered = np.arange(1, len(ranked) + 1)
    share = np.cumsum(right[order]) / answered
    ends = np.append(ranked[1:] < ranked[:-1], True)  # the last row of each probability
    found = {}
    for wanted in SHARES:
        fits = np.flatnonzero(ends & (share >= wanted) & (answered >= LEAST))
        if len(fits):
            last = int(fits[-1])
            probability = 0.0 if last == len(ranked) - 1 else float(ranked[last])
            found[f"{wanted:g}"] = {"probability": probability, "answered": float(answered[last] / len(ranked))}
    return found
