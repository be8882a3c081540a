"""From what a language model answers to log-probabilities of labels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

HELD = 0.5
"""What the codes have to hold of the next token's probability: below it, the model means to say something else."""
_LEAST = -20.0
"""The smallest log-probability of a label, 2e-9; servers write -9999 for what they have cut off."""


def of_codes(tops: Sequence[tuple[str, float]], codes: Sequence[str]) -> tuple[NDArray[np.float32] | None, float]:
    """Return log-probabilities of the labels, (labels,), renormalised over their codes, and the codes' mass.

    A token counts for the code that it is without blanks around it. A code that the server does not list gets an equal
    share of what the listed tokens leave, and at most the probability of the least of them.

    Args:
        tops: tokens that may come next, each with its log-probability; not empty.
        codes: of the labels.

    Returns:
        None where the codes hold less than half of the mass.
    """
    given = dict.fromkeys(codes, -np.inf)
    for token, value in tops:
        if (code := token.strip()) in given:
            given[code] = float(np.logaddexp(given[code], value))
    found = np.array([given[code] for code in codes])
    mass = float(np.exp(found).sum())
    if mass < HELD:
        return None, mass
    listed = [value for _, value in tops]
    absent = np.isneginf(found)
    if absent.any():
        left = max(1.0 - float(np.exp(listed).sum()), 0.0) / int(absent.sum())
        found[absent] = min(*listed, float(np.log(left)) if left else _LEAST)
    return normalised(np.maximum(found, _LEAST)), mass


def of_votes(votes: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return log-probabilities of the labels, (labels,): their shares, with one more vote that all of them share.

    Args:
        votes: (labels,) how often each was named; without any vote the labels are equally probable.
    """
    return np.log((votes + 1 / len(votes)) / (votes.sum() + 1)).astype(np.float32)


def normalised(logs: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return logarithms (labels,) as log-probabilities."""
    highest = logs.max()
    return (logs - highest - np.log(np.exp(logs - highest).sum())).astype(np.float32)
