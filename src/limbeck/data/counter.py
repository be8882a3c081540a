"""Random numbers without a state: those of a row are a function of its key, of any number of rows at once.

A generator object a row costs microseconds each; here a batch is a few array operations, and whoever asks again, in any
order or process, gets the same numbers.
"""

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def uniform(keys: NDArray[np.int64], copies: NDArray[np.int64], seed: int, count: int) -> NDArray[np.float64]:
    """Return (rows, count) numbers in [0, 1), each a function of its row's key and copy, the seed and its place.

    Source: the finaliser of SplitMix64, Steele, Lea and Flood 2014, "Fast Splittable Pseudorandom Number Generators",
    with the counter as its state.

    Args:
        keys: (rows,) names of examples, such as content ids.
        copies: (rows,) which copy of the example it is.
        seed: of the settings, at least 0.
        count: numbers a row.
    """
    state = mixed(np.uint64(seed) + np.zeros(len(keys), np.uint64))
    for part in (keys, copies):
        state = mixed(state ^ part.astype(np.int64).view(np.uint64))
    places = np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN
    return (mixed(state[:, None] + places) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return numbers that tell nothing of these, one of each: a bijection of 64 bits."""
    values = values + _GOLDEN
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    return values ^ (values >> np.uint64(31))
