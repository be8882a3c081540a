"""Tables of a run from Python objects: paths, data frames, lists of rows, and data frames by split."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from limbeck.data import SPLITS, Table, as_table, column_names, read_tables, split_name
from limbeck.data.modality import Wanted
from limbeck.data.parting import refuse_rules
from limbeck.data.tables import read_values
from limbeck.errors import LimbeckError
from limbeck.recipe import DataSettings


def tables_of(source: Any, data: DataSettings, name: str, column: Wanted) -> dict[str, Table]:
    """Return the tables of a path, a data frame, or a mapping of data frames by split such as a `DatasetDict`.

    Args:
        source: one of these; see `by_column`.
        data: of the recipe.
        name: the argument that it was given as.
        column: that with the example, or several.
    """
    domain, rules = (data.domain, data.split.rules) if name == "train" else (None, {})
    columns: dict[str, Any] = {
        "modality": data.modality, "column": column, "label": data.label, "domain": domain, "group": data.grouped_by,
    }  # fmt: skip
    if isinstance(source, str | Path):
        return read_tables(str(source), missing=data.missing_words, rules=rules, **columns)
    refuse_rules(rules)
    if isinstance(source, Mapping) and source and all(_is_frame(part) for part in source.values()):
        parts = {split_name(str(split)): part for split, part in source.items()}
        if not parts.keys() & {name, "train"}:
            raise LimbeckError(
                f"no `{name}` split, only {', '.join(parts)}", where=name, fix="give the split itself: splits['...']"
            )
        return {
            split: as_table(part, where=f"{name}, {split} split", needs_label=split != "unsupervised", **columns)
            for split, part in parts.items()
            if split in SPLITS
        }
    return {"train": as_table(by_column(source, name), where=name, **columns)}


def unlabelled_of(source: Any, data: DataSettings, column: Wanted) -> Sequence[Any]:
    """Return the examples of more rows without a label: of a path, of what `by_column` takes, or a list of them.

    Args:
        source: one of these; labels in it are not looked at.
        data: of the recipe.
        column: that with the example, or several.

    Raises:
        LimbeckError: it holds something else.
    """
    if isinstance(source, str | Path):
        return read_values(str(source), modality=data.modality, column=column)
    name = "unlabelled"
    if not is_table(source):
        values = source.tolist() if hasattr(source, "tolist") else list(source)
        source = {column: values} if isinstance(column, str) else source
    columns: dict[str, Any] = {"modality": data.modality, "column": column, "label": ()}
    return as_table(by_column(source, name), where=name, needs_label=False, **columns).values


def is_table(source: Any) -> bool:
    """Return whether an object gives columns by name, or is a path or a list of rows; else it may be a loader."""
    if isinstance(source, str | Path) or _are_rows(source):
        return True
    return column_names(source) is not None and not _is_series(source)


def by_column(source: Any, name: str) -> Any:
    """Return a list of rows, each a mapping, as columns; anything else as it is.

    Args:
        source: what was given.
        name: the argument that it was given as.

    Raises:
        LimbeckError: it is one column of a frame.
    """
    if _is_series(source):
        raise LimbeckError(
            "this is one column (a Series), and a text and a label are needed",
            where=name,
            fix=f"give the frame: {name}=frame[[...]], or a mapping of columns",
        )
    if isinstance(source, Sequence) and source and isinstance(source[0], list | tuple) and _has_cell(source[0]):
        raise LimbeckError(
            "its rows are tuples, whose columns have no names",
            where=name,
            fix='give mappings, such as {"text": ..., "label": ...}, or a frame',
        )
    if not _are_rows(source):
        return source
    names = {key: None for row in source for key in row}
    return {key: [row.get(key) for row in source] for key in names}


def _are_rows(source: Any) -> bool:
    """Return whether an object is a list of rows; one of batches for a training holds arrays alone."""
    if not isinstance(source, Sequence) or isinstance(source, str | bytes) or not len(source):
        return False
    if not all(isinstance(row, Mapping) for row in source):
        return False
    return _has_cell(source[0].values())


def _has_cell(row: Iterable[Any]) -> bool:
    return any(isinstance(cell, _CELL) for cell in row)


_CELL = (str, bytes, int, float, bool, np.generic)


def _is_series(source: Any) -> bool:
    return hasattr(source, "to_frame") and not hasattr(source, "columns")


def _is_frame(part: Any) -> bool:
    # A column may have `keys`, as pandas' has.
    return hasattr(part, "column_names") or hasattr(part, "columns")
