"""Values in a row, of which some may lie on disk: those of a file that is too large for a machine's memory."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

_PIECE = 1 << 14
Values = Sequence[Any]
"""A list, or `Held`."""


class Held(Sequence[Any]):
    """Values in any order, taken out of sequences that are laid end to end; a row number a value is in memory.

    Args:
        parts: the sequences. None of them changes.
        places: (n,) int64, where each value stands in them; None: all values, as they stand.
    """

    __slots__ = ("_ends", "_parts", "_places")

    def __init__(self, parts: Sequence[Sequence[Any]], places: NDArray[np.int64] | None = None) -> None:
        self._parts = tuple(parts)
        self._ends = np.cumsum([len(part) for part in self._parts], dtype=np.int64)
        self._places = np.arange(self._ends[-1] if self._parts else 0) if places is None else places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, row: int) -> Any: ...
    @overload
    def __getitem__(self, row: slice) -> "Held": ...
    def __getitem__(self, row: int | slice) -> Any:
        """Return a value, or some of them, which are not read yet."""
        if isinstance(row, slice):
            return Held(self._parts, self._places[row])
        place = self._places[row]
        number = int(np.searchsorted(self._ends, place, side="right"))
        return self._parts[number][int(place - (self._ends[number - 1] if number else 0))]

    def __iter__(self) -> Iterator[Any]:
        starts = np.concatenate([[0], self._ends[:-1]])
        for start in range(0, len(self), _PIECE):
            places = self._places[start : start + _PIECE]
            numbers = np.searchsorted(self._ends, places, side="right")
            own = places - starts[numbers]
            yield from (self._parts[part][row] for part, row in zip(numbers.tolist(), own.tolist(), strict=True))

    def take(self, rows: NDArray[np.int64]) -> "Held":
        """Return the given rows, in that order, which are not read yet."""
        return Held(self._parts, self._places[rows])

    def laid(self) -> tuple[tuple[Sequence[Any], ...], NDArray[np.int64]]:
        """Return the sequences, and where each value stands in them."""
        return self._parts, self._places


class _Changed(Sequence[Any]):
    """What a function makes of a row's values, when it is asked for."""

    def __init__(self, change: Callable[..., Any], columns: Sequence[Sequence[Any]]) -> None:
        self._change, self._columns = change, columns

    def __len__(self) -> int:
        return len(self._columns[0])

    def __getitem__(self, row: Any) -> Any:
        return self._change(*(values[row] for values in self._columns))


def each(change: Callable[..., Any], *columns: Sequence[Any]) -> Sequence[Any]:
    """Return what a function makes of each row's values: a list, or where some lie on disk what is made when asked for.

    Args:
        change: called with a value of each column.
        columns: of the same rows, at least one.
    """
    if any(isinstance(values, Held) for values in columns):
        return Held([_Changed(change, columns)])
    return [change(*row) for row in zip(*columns, strict=True)]


def taken(values: Sequence[Any], rows: NDArray[np.int64]) -> Sequence[Any]:
    """Return some of the values, in that order: a list, or where they lie on disk no copy of them."""
    return values.take(rows) if isinstance(values, Held) else [*picked(values, rows)]


def joined(*several: Sequence[Any]) -> Sequence[Any]:
    """Return values one after the other: a list, or where some lie on disk no copy of them."""
    several = tuple(values for values in several if len(values))
    if not any(isinstance(values, Held) for values in several):
        return [value for values in several for value in values]
    parts: list[Sequence[Any]] = []
    places: list[NDArray[np.int64]] = []
    for values in several:
        own, stand = values.laid() if isinstance(values, Held) else ((values,), np.arange(len(values)))
        places.append(stand + sum(map(len, parts)))
        parts += own
    return Held(parts, np.concatenate(places))


def picked(values: Sequence[Any], rows: NDArray[np.int64]) -> Iterator[Any]:
    """Yield some of the values.

    Row numbers become Python's in pieces: all at once they would take 40 bytes a row, and one by one more time.
    """
    if isinstance(values, Held):
        yield from values.take(rows)
        return
    for start in range(0, len(rows), _PIECE):
        yield from map(values.__getitem__, rows[start : start + _PIECE].tolist())
