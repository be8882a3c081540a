"""Encoded examples: made a piece at a time, and on disk."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.arrayfile import read_arrays, write_arrays
from limbeck.console import meter
from limbeck.data.held import Held
from limbeck.data.spill import LARGE, Aside
from limbeck.files import staged
from limbeck.runtime.readers import Reader
from limbeck.runtime.rows import Rows, is_raw, restored

PIECE = 2048
"""Examples that are encoded together: of images of 224 pixels a side, 300 MB."""
_ENDS = "offsets"


def encoded(reader: Reader, values: Sequence[Any], name: str) -> Rows:
    """Return the values of a split as a reader encodes them, and say how far it is where that takes long.

    What takes much memory is laid on disk, in a file without a name.
    """
    with meter(f"encoding {name}", len(values), brief=True) as progress:
        first = reader.encode(values[:PIECE] if isinstance(values, list | Held) else values)
        progress.advance(len(first))
        if len(first) == len(values):
            return first
        if is_raw(first):
            return reader.encode(values)
        made = _Gathered(first)
        for start in range(PIECE, len(values), PIECE):
            rows = reader.encode(list(values[start : start + PIECE]))
            made.add(rows)
            progress.advance(len(rows))
        return made.whole()


class _Gathered:
    """Encoded rows one after the other.

    Args:
        first: the first ones, which say what they are made of.
    """

    def __init__(self, first: Rows) -> None:
        parts, self._about = first.stored()
        self._arrays = {name: _Growing(value.dtype, value.shape[1:]) for name, value in parts.items()}
        self.add(first)

    def add(self, rows: Rows) -> None:
        """Add rows.

        Raises:
            LimbeckError: the disk is full.
        """
        for name, value in rows.stored()[0].items():
            self._arrays[name].add(np.diff(value) if name == _ENDS else value)

    def whole(self) -> Rows:
        """Return all rows."""
        arrays = {name: growing.whole() for name, growing in self._arrays.items()}
        if _ENDS in arrays:
            arrays[_ENDS] = np.concatenate([[0], np.cumsum(arrays[_ENDS], dtype=np.int64)])
        return restored(arrays, self._about)


class _Growing:
    """An array that grows along its first axis: in memory, and when it is large on disk."""

    def __init__(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        self._dtype, self._shape = dtype, shape
        self._pieces: list[NDArray[Any]] = []
        self._aside: Aside | None = None
        self._bytes = 0

    def add(self, piece: NDArray[Any]) -> None:
        self._bytes += piece.nbytes
        self._pieces.append(piece)
        if self._bytes > LARGE:
            self._aside = self._aside or Aside()
            self._aside.write(np.ascontiguousarray(each).reshape(-1).view(np.uint8).data for each in self._pieces)
            self._pieces = []

    def whole(self) -> NDArray[Any]:
        if self._aside is None:
            return np.concatenate(self._pieces)
        return np.frombuffer(self._aside.mapped(), self._dtype).reshape(-1, *self._shape)


def save_encoded(rows: Mapping[str, Rows], path: Path) -> None:
    """Write rows by name into one safetensors file."""
    arrays, about = {}, {}
    for name, some in rows.items():
        parts, rest = some.stored()
        arrays |= {f"{name}/{part}": value for part, value in parts.items()}
        about[name] = json.dumps(rest)
    with staged(path) as aside:
        write_arrays(aside, arrays, about)


def load_encoded(path: Path) -> dict[str, Rows]:
    """Read what `save_encoded` wrote: mapped into memory, so that what nobody asks for is not read."""
    arrays, kept = read_arrays(path)
    about = {name: json.loads(text) for name, text in kept.items()}
    parts = {
        name: {key.removeprefix(f"{name}/"): value for key, value in arrays.items() if key.startswith(f"{name}/")}
        for name in about
    }
    return {name: restored(parts[name], rest) for name, rest in about.items()}
