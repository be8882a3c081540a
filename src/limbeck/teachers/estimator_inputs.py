"""What an estimator of scikit-learn is called with: texts, a data frame, or an array, as it was fitted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.errors import LimbeckError, nearest
from limbeck.runtime.readers.table import Cell, named

_SHOWN = 5
_WHOLE = 2.0**53
"""Beyond this, float64 does not tell whole numbers apart."""


@dataclass(frozen=True)
class EstimatorInputs:
    """How values become what an estimator is called with.

    Attributes:
        name: everything that decides it, as JSON.
        make: from values.
        note: what is to be said of it; None: nothing.
    """

    name: Any
    make: Callable[[Sequence[Any]], Any]
    note: str | None = None


def inputs_of(estimator: Any, values: Sequence[Any], key: str) -> EstimatorInputs:
    """Return how values become what an estimator was fitted to.

    Texts are a list. Rows of a table are a data frame where the estimator was fitted to one, with its columns; else an
    array, with the columns in the order of the data.

    Args:
        estimator: fitted.
        values: every value that it is asked for.
        key: of the teacher in the recipe, for errors.

    Raises:
        LimbeckError: it was fitted to other columns, or the values are neither texts nor rows.
    """
    fitted = getattr(estimator, "feature_names_in_", None)
    names = None if fitted is None else [str(name) for name in fitted]
    if all(isinstance(value, str) for value in values):
        return _of_texts(names, key)
    if not all(isinstance(value, Mapping) for value in values):
        raise LimbeckError(
            "an estimator of scikit-learn reads texts or the rows of a table, and the data are neither",
            where=key,
            fix="take kind callable, a function of yours that reads them",
        )
    kinds = {name: _kind([value[name] for value in values]) for name in values[0]}
    if names is not None:
        return _of_frames(names, kinds, key)
    return _of_arrays(getattr(estimator, "n_features_in_", len(kinds)), kinds, key)


def _of_texts(names: Sequence[str] | None, key: str) -> EstimatorInputs:
    if names is None:
        return EstimatorInputs("texts", list)
    if len(names) > 1:
        raise LimbeckError(
            f"it was fitted to the columns {_some(names)}, and the data are texts",
            where=key,
            fix=f"name them: data.features=[{', '.join(names[:_SHOWN])}]",
        )
    return EstimatorInputs([names[0], "texts"], lambda texts: _frame({names[0]: np.array(list(texts), object)}))


def _of_frames(names: Sequence[str], kinds: Mapping[str, str], key: str) -> EstimatorInputs:
    if missing := [name for name in names if name not in kinds]:
        raise LimbeckError(
            f"it was fitted to the column `{missing[0]}`, which is none of data.features",
            where=key,
            fix=nearest(missing[0], kinds),
        )

    def make(rows: Sequence[Mapping[str, Cell]]) -> Any:
        return _frame({name: _COLUMNS[kinds[name]]([row[name] for row in rows]) for name in names})

    return EstimatorInputs(["frame", *([name, kinds[name]] for name in names)], make)


def _of_arrays(count: int, kinds: Mapping[str, str], key: str) -> EstimatorInputs:
    if count != len(kinds):
        raise LimbeckError(
            f"it was fitted to {count:,} columns without names, and the data have {len(kinds):,}: {_some([*kinds])}",
            where=key,
            fix="name them in its order in data.features, or fit it to a data frame, whose columns have names",
        )
    dtype = np.float64 if {*kinds.values()} <= _NUMBERS else object

    def make(rows: Sequence[Mapping[str, Cell]]) -> NDArray[Any]:
        columns = [_COLUMNS[kind]([row[name] for row in rows]) for name, kind in kinds.items()]
        return np.stack([column.astype(dtype) for column in columns], axis=1)

    note = f"it was fitted to columns without names; they stand in the order {_some([*kinds])}"
    return EstimatorInputs(["array", *([name, kind] for name, kind in kinds.items())], make, note)


def _frame(columns: Mapping[str, NDArray[Any]]) -> Any:
    try:
        import pandas
    except ImportError:
        raise LimbeckError(
            "an estimator that was fitted to a data frame needs pandas, which is not installed",
            fix="pip install pandas",
        ) from None
    return pandas.DataFrame(dict(columns))


_COLUMNS: Mapping[str, Callable[[Sequence[Any]], NDArray[Any]]] = {
    "whole": lambda cells: np.array(cells, np.float64).astype(np.int64),
    "numbers": lambda cells: np.array([np.nan if cell is None else cell for cell in cells], np.float64),
    "booleans": lambda cells: np.array([cell == "True" for cell in cells], np.bool_),
    "flags": lambda cells: np.array([np.nan if cell is None else cell == "True" for cell in cells], object),
    "texts": lambda cells: np.array([np.nan if cell is None else named(cell) for cell in cells], object),
}
"""By what a column holds, its cells as the type that pandas reads such a column as; what is missing is NaN."""
_NUMBERS = {"whole", "numbers"}


def _kind(cells: Sequence[Cell]) -> str:
    """Return what a column holds in every row, see `_COLUMNS`: where some cells are texts, numbers are texts too."""
    known = [cell for cell in cells if cell is not None]
    full = len(known) == len(cells)
    if any(isinstance(cell, str) for cell in known):
        if {*known} <= {"True", "False"}:
            return "booleans" if full else "flags"
        return "texts"
    integers = all(isinstance(cell, float) and cell.is_integer() and abs(cell) < _WHOLE for cell in known)
    return "whole" if full and integers else "numbers"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(f"`{name}`" for name in names[:_SHOWN]) + more
