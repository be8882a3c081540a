"""What a network reads of a row: which columns are numbers, which are categories, and how both are scaled."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from limbeck.data.modality import Reads, ReadsError
from limbeck.errors import LimbeckError, nearest
from limbeck.runtime.readers.table import Category, Cell, Number, TableReader, named


class TableReads(Reads):
    """Columns of numbers, scaled to mean 0 and standard deviation 1, and columns of categories."""

    kind: Literal["table"] = "table"
    categorical: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(description="columns whose numbers are categories, such as codes; a column with a text in it is anyway"),
    ] = ()
    max_categories: Annotated[
        int, Field(ge=1, le=100_000, description="most frequent categories of a column that are told apart")
    ] = 100

    def fit(self, values: Sequence[Mapping[str, Cell]]) -> TableReader:
        """Return the reader: means, standard deviations and categories are those of these rows.

        A column that holds the same in every row, or nothing, is not read.

        Raises:
            LimbeckError: `categorical` names no column, or no column tells one row from another.
        """
        columns = list(values[0]) if len(values) else []
        if unknown := [name for name in self.categorical if name not in columns]:
            raise ReadsError(
                f"no column `{unknown[0]}`",
                key="categorical",
                given=self.categorical,
                fix=nearest(unknown[0], columns),
            )
        numbers, categories = [], []
        for name in columns:
            cells = [row[name] for row in values]
            known = [cell for cell in cells if cell is not None]
            missing = len(known) < len(cells)
            if not missing and len(set(map(named, known))) == 1:
                continue  # whoever asks the student need not give what tells nothing
            if name in self.categorical or any(isinstance(cell, str) for cell in known):
                categories.append(Category(name, self._most(known), missing))
            elif known:
                numbers.append(_scaled(name, np.array(known, np.float64), missing))
        if not any(one.scale or one.missing for one in numbers) and all(one.size < 3 for one in categories):
            raise LimbeckError(
                "no column tells one training row from another", where="data.features", fix="name other columns"
            )
        return TableReader(numbers, categories)

    def _most(self, known: Sequence[float | str]) -> tuple[str, ...]:
        """Return the most frequent categories, in the order of their names."""
        counts = Counter(map(named, known))
        most = sorted(counts, key=lambda name: (-counts[name], name))[: self.max_categories]
        return tuple(sorted(most))


def _scaled(name: str, known: np.ndarray, missing: bool) -> Number:
    """Return a column of numbers; sums of numbers near the end of float64 would be infinite."""
    largest = float(np.abs(known).max()) or 1.0
    small = known / largest
    mean, deviation = float(small.mean()), float(small.std())
    # Rounding alone makes equal numbers differ from their mean.
    constant = known.min() == known.max() or deviation * largest == 0
    scale = 0.0 if constant else 1 / deviation / largest
    return Number(name, mean * largest, scale if np.isfinite(scale) else 0.0, missing)
