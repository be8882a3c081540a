"""A row of a table as a row of a matrix, for the floor: numbers scaled, each category a column, or as trees take it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.data.modality import Cells, Fits
from limbeck.modalities.table.reads import TableReads
from limbeck.runtime.readers.table import CATEGORIES, NUMBERS, TableReader


class _Features:
    """What both have in common: they read as a network does, from the rows that they learn from."""

    title: str = "columns"

    def __init__(self) -> None:
        self.settings: dict[str, float | int | str | bool | None] = {}
        self._reader: TableReader | None = None

    @property
    def parameters(self) -> int:
        """Means and scales."""
        return 2 * len(self._known.numbers)

    @property
    def size_bytes(self) -> int:
        """The categories as UTF-8."""
        return sum(len(name.encode()) for one in self._known.categories for name in one.categories)

    @property
    def _known(self) -> TableReader:
        assert self._reader is not None, "not fitted"
        return self._reader

    def _arrays(self, values: Sequence[Mapping[str, Any]]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        arrays, rows = self._known.encode(values).arrays, len(values)
        return (
            arrays.get(NUMBERS, np.zeros((rows, 0), np.float32)),
            arrays.get(CATEGORIES, np.zeros((rows, 0), np.int64)),
        )


class ColumnFeatures(_Features):
    """Scaled numbers, marks of what is missing, and a column of 0 and 1 for each category."""

    fits: Fits = "linear"

    def fit(self, values: Sequence[Mapping[str, Any]]) -> NDArray[np.float32]:
        """Return the matrix of the rows that scales and categories are those of."""
        self._reader = TableReads().fit(values)
        return self.matrix(values)

    def matrix(self, values: Sequence[Mapping[str, Any]]) -> NDArray[np.float32]:
        """Return the matrix of other rows; a category that was never seen has no 1."""
        numbers, categories = self._arrays(values)
        marks = [
            np.arange(1, one.size) == categories[:, place, None] for place, one in enumerate(self._known.categories)
        ]
        return np.concatenate([numbers, *(mark.astype(np.float32) for mark in marks)], axis=1)


class CellFeatures(_Features):
    """The same numbers, and categories by number."""

    fits: Fits = "boosted"

    def fit(self, values: Sequence[Mapping[str, Any]]) -> Cells:
        """Return the cells of the rows that scales and categories are those of."""
        self._reader = TableReads().fit(values)
        return self.matrix(values)

    def matrix(self, values: Sequence[Mapping[str, Any]]) -> Cells:
        """Return the cells of other rows."""
        numbers, categories = self._arrays(values)
        both = np.concatenate([numbers, categories.astype(np.float32)], axis=1)
        return Cells(both, np.arange(both.shape[1]) >= numbers.shape[1])
