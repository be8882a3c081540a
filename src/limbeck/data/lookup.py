"""Numbers by id, in sorted arrays: 16 bytes an entry, where a dictionary of Python's takes about 170."""

import numpy as np
from numpy.typing import NDArray


def among(ids: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which ids are among others, (ids,) bool.

    Unlike `np.isin` it sorts the others alone, which may be few beside the ids.
    """
    there = np.unique(others)
    if not len(there):
        return np.zeros(len(ids), np.bool_)
    return there.take(np.searchsorted(there, ids), mode="clip") == ids


def starts_of(ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return where a run of equal ids begins, (ids,) bool."""
    return np.concatenate([np.ones(min(1, len(ids)), np.bool_), ids[1:] != ids[:-1]])


class Lookup:
    """A number for each of many ids."""

    def __init__(self) -> None:
        self._ids, self._numbers = np.zeros(0, np.int64), np.zeros(0, np.int64)

    def find(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Return which ids have a number, and the number of each; where it has none, any."""
        if not len(self._ids):
            return np.zeros(len(ids), np.bool_), np.zeros(len(ids), np.int64)
        place = np.searchsorted(self._ids, ids)
        return self._ids.take(place, mode="clip") == ids, self._numbers.take(place, mode="clip")

    def put(self, ids: NDArray[np.int64], numbers: NDArray[np.int64]) -> None:
        """Note the numbers of ids, in the place of those that they had; of an id that stands twice, the first one."""
        every = np.concatenate([ids, self._ids])
        self._ids, place = np.unique(every, return_index=True)
        self._numbers = np.concatenate([numbers, self._numbers])[place]
