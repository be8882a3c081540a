"""Columns of data frames, Arrow tables, data sets and mappings."""

from collections.abc import Iterable
from typing import Any

from limbeck.data.readers import class_labels, stored_features
from limbeck.errors import LimbeckError


def column_names(frame: Any) -> list[Any] | None:
    """Return what a data frame, or a mapping of columns, calls its columns; None of anything else."""
    for names in (getattr(frame, "column_names", None), getattr(frame, "columns", None)):
        if names is not None:
            return list(names)
    return list(frame.keys()) if hasattr(frame, "keys") else None


def classes_of(frame: Any) -> dict[str, tuple[str, ...]]:
    """Return the names of the classes of its columns, by column, where it says them."""
    own = class_labels(getattr(frame, "features", None))
    return own or class_labels(stored_features(getattr(getattr(frame, "schema", None), "metadata", None)))


def plain_list(column: Any, where: str) -> list[Any]:
    """Return a column's values as Python objects; NumPy's scalars have types of their own.

    Raises:
        LimbeckError: it is one value.
    """
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(column, method):
            return list(getattr(column, method)())
    if not isinstance(column, Iterable) or isinstance(column, str | bytes):
        raise LimbeckError(
            f"a column is one {type(column).__name__}", where=where, fix="give each column a list of values, a row each"
        )
    return list(column)
