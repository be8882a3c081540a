"""Examples with their ids and labels: the rows of every split."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.data.held import joined, taken
from limbeck.data.origin import Origin
from limbeck.digest import arrays_digest

Index = Sequence[int] | range | NDArray[Any]


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of examples, in the form that the task gives it.

    Attributes:
        values: (n, ...) an entry each: of a classification (n,) int64 class indices. Where there is no label, it holds
            whatever the task puts there, and nothing may depend on it.
        present: (n,) bool, True where there is a label.
    """

    values: NDArray[Any]
    present: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.present)

    def take(self, index: NDArray[np.int64]) -> "Labels":
        """Return the labels of the given rows, in that order."""
        return Labels(self.values[index], self.present[index])

    @property
    def known(self) -> NDArray[Any]:
        """The labels of the rows that have one, (rows with a label, ...)."""
        return self.values[self.present]

    def hidden(self) -> "Labels":
        """Return as many rows without a label."""
        # Not `zeros_like`, which writes the zeros: so they take no memory until somebody does.
        return Labels(np.zeros(self.values.shape, self.values.dtype), np.zeros(len(self), np.bool_))

    def __add__(self, other: "Labels") -> "Labels":
        if not len(self) or not len(other):  # of no rows, nobody has said of which form their labels are
            return self if len(self) else other
        return Labels(np.concatenate([self.values, other.values]), np.concatenate([self.present, other.present]))


@dataclass(frozen=True, slots=True)
class Examples:
    """Examples with their ids and labels.

    Attributes:
        ids: (n,) int64 content ids, distinct within a training or validation split.
        values: n examples as they were read: texts, for instance.
        labels: of the n examples.
        origin: where they were read; None: in several places, or nobody knows.
    """

    ids: NDArray[np.int64]
    values: Sequence[Any]
    labels: Labels
    origin: Origin | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Index) -> "Examples":
        """Return the given rows, in that order; these very ones where they are all of them as they stand."""
        index = np.arange(rows.start, rows.stop, rows.step) if isinstance(rows, range) else np.asarray(rows, np.int64)
        if len(index) == len(self) and np.array_equal(index, np.arange(len(self))):
            return self
        origin = None if self.origin is None else self.origin.take(index)
        return Examples(self.ids[index], taken(self.values, index), self.labels.take(index), origin)

    def having(self) -> "Examples":
        """Return the rows with a label."""
        return self.take(np.flatnonzero(self.labels.present))

    def bare(self) -> "Examples":
        """Return the rows without a label."""
        return self.take(np.flatnonzero(~self.labels.present))

    def without_labels(self) -> "Examples":
        """Return the same examples as unlabelled rows."""
        return Examples(self.ids, self.values, self.labels.hidden(), self.origin)

    @property
    def digest(self) -> str:
        """Names the rows, their order and their labels: 16 hex digits."""
        labels = self.labels
        shown = np.where(labels.present.reshape(-1, *[1] * (labels.values.ndim - 1)), labels.values, 0)
        return arrays_digest(self.ids, labels.present, shown)

    def __add__(self, other: "Examples") -> "Examples":
        if not len(self) or not len(other):
            return replace(self if len(self) else other, origin=None)
        return Examples(
            np.concatenate([self.ids, other.ids]), joined(self.values, other.values), self.labels + other.labels
        )


def unlike(some: NDArray[Any], others: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which rows of two arrays differ, (n,) bool."""
    return (some != others).any(axis=tuple(range(1, some.ndim)))


NO_ROWS = Examples(np.zeros(0, np.int64), [], Labels(np.zeros(0, np.int64), np.zeros(0, np.bool_)))
