"""Where rows were read, and whose they are: what a report calls a row, and by which values it tells results apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from limbeck.data.cells import label_name
from limbeck.data.readers import Columns
from limbeck.errors import LimbeckError, nearest

KEY = "data.group"
"""The key of a recipe that names the column."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows were read, and whose they are.

    Attributes:
        where: the file, the folder or the frame.
        numbers: (rows,) int64, the number of each row there, from 1; None: each row is a file.
        groups: (rows,) the value of `data.group` in text, None where there is none; None: there is no such column.
        columns: that were there.
        files: (rows,) those that the rows are; none: they are rows of a file.
    """

    where: str
    numbers: NDArray[np.int64] | None
    groups: NDArray[np.object_] | None = None
    columns: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def take(self, index: NDArray[np.int64]) -> "Origin":
        """Return the origin of the given rows, in that order."""
        return Origin(
            self.where,
            None if self.numbers is None else self.numbers[index],
            None if self.groups is None else self.groups[index],
            self.columns,
            tuple(self.files[row] for row in index) if self.files else (),
        )

    def named(self, row: int, file: Path | None) -> str:
        """Return what a person calls a row: its file, below the folder that was read, or its number in the file.

        Args:
            row: one of these.
            file: that holds the example; None: none does.
        """
        place = Path(self.where)
        if self.numbers is None:
            return "" if file is None else _below(file, place)
        number = f"row {int(self.numbers[row]):,} of {place.name}"
        return number if file is None else f"{_below(file, place.parent)} ({number})"


def _below(file: Path, folder: Path) -> str:
    """Return the path of a file below a folder; its name where it lies elsewhere."""
    try:
        return str(file.resolve().relative_to(folder.resolve()))
    except (OSError, ValueError):
        return file.name


def origin_of(columns: Columns | None, rows: int, where: str, group: str | None) -> Origin:
    """Return where a table's rows were read.

    Args:
        columns: as they were read; None: of a packaged source.
        rows: how many there are.
        where: the file, the folder or the frame.
        group: the column that says whose a row is; None: nobody asks.

    Raises:
        LimbeckError: the column has another number of rows.
    """
    if columns is None:
        return Origin(where, np.arange(1, rows + 1))
    if columns.layout:
        return Origin(where, None, files=columns.files)
    numbers = np.arange(1, rows + 1) if columns.numbers is None else np.array(columns.numbers, np.int64)
    found = None if group is None or group not in columns else _groups(columns, group, rows, where)
    return Origin(where, numbers, found, columns.names)


def _groups(columns: Columns, group: str, rows: int, where: str) -> NDArray[np.object_]:
    if len(columns[group]) != rows:  # the arrays of a file may have any length
        raise LimbeckError(
            f"there are {rows:,} rows, and `{group}` has {len(columns[group]):,}",
            where=where,
            fix=f"set {KEY} to a column of the same rows",
        )
    found = np.empty(rows, object)
    found[:] = texts_of(columns, group)
    return found


def require_groups(origin: Origin | None, group: str | None) -> None:
    """Refuse test rows of which nobody knows whose they are, where that is asked.

    Raises:
        LimbeckError: there is no such column where they were read, or there are no columns.
    """
    if group is None or (origin is not None and origin.groups is not None):
        return
    if origin is not None and origin.columns:
        fix = nearest(group, origin.columns)
        raise LimbeckError(f"no column `{group}`", where=f"{origin.where} ({KEY})", fix=fix)
    source = "a folder of files" if origin is not None and origin.numbers is None else "a packaged source"
    raise LimbeckError(
        f"no column `{group}`: {source} has no columns to group rows by",
        where=f"{KEY}={group}",
        fix=f"set {KEY}=null; or give a file with such a column",
    )


def texts_of(columns: Columns, name: str) -> list[str | None]:
    """Return the cells of a column in text, of classes that the data names their names; None where there is nothing."""
    names = columns.classes.get(name)
    cells = columns[name] if names is None else [_named(cell, names) for cell in columns[name]]
    return [label_name(cell) for cell in cells]


def _named(cell: object, names: Sequence[str]) -> object:
    return names[cell] if isinstance(cell, int) and 0 <= cell < len(names) else cell
