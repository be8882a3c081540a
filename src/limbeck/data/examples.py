"""Texts with their ids and classes: the rows of every split."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNLABELLED = -1


@dataclass(frozen=True, slots=True)
class Examples:
    """Texts with their ids and classes.

    Attributes:
        ids: (n,) int64 content ids, distinct within a training or validation split.
        texts: n raw texts.
        labels: (n,) int64 class indices; -1 where there is none.
    """

    ids: NDArray[np.int64]
    texts: list[str]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int] | NDArray[Any]) -> "Examples":
        """Return the given rows, in that order."""
        index = np.asarray(rows, np.int64)
        return Examples(self.ids[index], [self.texts[row] for row in index], self.labels[index])

    def without_labels(self) -> "Examples":
        """Return the same texts as unlabelled rows."""
        return Examples(self.ids, self.texts, np.full_like(self.labels, UNLABELLED))

    def __add__(self, other: "Examples") -> "Examples":
        return Examples(
            np.concatenate([self.ids, other.ids]),
            self.texts + other.texts,
            np.concatenate([self.labels, other.labels]),
        )


NO_ROWS = Examples(np.zeros(0, np.int64), [], np.zeros(0, np.int64))
