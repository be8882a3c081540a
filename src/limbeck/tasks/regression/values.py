"""Values as they were read: numbers, one or several a row."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.data.cells import label_name, plain_label
from limbeck.data.examples import Labels
from limbeck.errors import LimbeckError

_TINIEST = 1e-30
"""Standard deviations below it, and values above its inverse, leave losses and gradients no room in float32."""


def read_values(cells: Sequence[Any], columns: Sequence[str], missing: frozenset[str], where: str) -> Labels:
    """Return the values of rows, (rows, columns) float64; 0 where there is none.

    Args:
        cells: a number a row, or a tuple of one a column; None, NaN and blanks are missing.
        columns: what they are called.
        missing: what else stands for none.
        where: what is read, for errors.

    Raises:
        LimbeckError: a cell is no finite number, or a row has a value in some of the columns only.
    """
    found = np.full((len(cells), len(columns)), np.nan)
    for row, cell in enumerate(cells):
        if cell is None:
            continue
        for column, value in enumerate(cell if isinstance(cell, tuple) else (cell,)):
            if value is not None and label_name_of(value) not in missing:
                found[row, column] = _number(value, row, columns[column] if columns[1:] else "", where)
    present = ~np.isnan(found)
    whole = np.all(present, axis=1)
    if (partly := present.any(axis=1) & ~whole).any():
        row = int(partly.argmax())
        has, lacks = columns[int(present[row].argmax())], columns[int(present[row].argmin())]
        raise LimbeckError(
            f"row {row + 1} has a value in `{has}` and none in `{lacks}`",
            where=where,
            fix="fill it in, or empty the others of the row too",
        )
    return Labels(np.where(whole[:, None], found, 0.0), whole)


def label_name_of(value: Any) -> str | None:
    """Return how a cell is written; None for what has no such name."""
    return label_name(value) if isinstance(value, bool | int | float | str | np.generic) else None


def _number(value: Any, row: int, column: str, where: str) -> float:
    """Return a finite number, or NaN where there is none; `column` is named where there are several."""
    plain = plain_label(value)
    if plain is None:
        return math.nan
    try:
        number = math.nan if isinstance(plain, bool) or _is_pythons(plain) else float(plain)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if math.isfinite(number):
        return number
    shown = " ".join(str(plain).split())[:40]
    kind = "infinite" if math.isinf(number) else "no number"
    raise LimbeckError(
        f"row {row + 1} has `{shown}`{f' in column `{column}`' if column else ''}, which is {kind}",
        where=where,
        fix="mend it, empty the cell if it has none (or name it in data.missing), or set data.label to another column",
    )


def _is_pythons(plain: Any) -> bool:
    """Return whether it is a text that is a number in Python only: `1_000`, or digits of another script."""
    return isinstance(plain, str) and ("_" in plain or not plain.strip().isascii())


def require_spread(values: NDArray[np.float64], columns: Sequence[str], what: str, where: str, fix: str) -> None:
    """Refuse a column from which nothing can be learnt: it holds one value only, or what float32 does not show.

    Args:
        values: (rows, columns), of rows that have some.
        columns: what they are called.
        what: the rows, in words.
        where: what was read.
        fix: what to do where all values are one.

    Raises:
        LimbeckError: there is one.
    """
    for column, name in enumerate(columns):
        if len(values) and (found := _unfit(values[:, column], fix)):
            told, way_out = found
            raise LimbeckError(
                f"{what} {told}{f' in column `{name}`' if columns[1:] else ''}", where=where, fix=way_out
            )


def _unfit(values: NDArray[np.float64], fix: str) -> tuple[str, str] | None:
    """Return what is wrong with the values of a column, and what to do; None: nothing. `fix` is for a single value.

    A student answers in float32 in the labels' units. What rounding to a grid of a quarter of the standard deviation
    takes away is half a percent of the variance, step^2 / 12; of what lies closer together it takes more.
    """
    low, high = float(values.min()), float(values.max())
    if low == high:
        return f"have {low:g}", fix
    if (peak := max(-low, high)) > 1 / _TINIEST:
        return f"have values up to {peak:g}, too large for float32", "write them in a larger unit, or their logarithm"
    spread = float(values.std())
    if spread < _TINIEST:
        return f"have a standard deviation of {spread:g}, too small for float32", "write them in a smaller unit"
    step = float(np.spacing(np.float32(peak)))
    if step > spread / 4:
        told = (
            f"have a standard deviation of {spread:g} around {values.mean():.12g}, where float32 has steps of {step:g}"
        )
        return told, f"subtract an offset, such as {low:.12g}, from all of them"
    return None
