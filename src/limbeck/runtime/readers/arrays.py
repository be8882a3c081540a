"""Arrays that come ready: a network's arguments by name, one row an example."""

import math
from collections.abc import Mapping, Sequence
from operator import index
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from limbeck.digest import digest
from limbeck.runtime.readers import PROBED, Form, require_list
from limbeck.runtime.rows import Stacked
from limbeck.runtime.takes import Takes


class Parts(Sequence[Mapping[str, Mapping[str, NDArray[Any]]]]):
    """Rows of a loader: for each, what the student and what the teacher is called with.

    Args:
        of: arrays by argument, (rows, ...) each, by the name of the part.
    """

    def __init__(self, of: Mapping[str, Mapping[str, NDArray[Any]]]) -> None:
        self.of = of

    def __len__(self) -> int:
        return len(next(iter(next(iter(self.of.values())).values())))

    def __getitem__(self, row: Any) -> Any:
        return {part: {name: value[row] for name, value in arrays.items()} for part, arrays in self.of.items()}


_CAST = {"f": "fiub", "i": "iub", "u": "iub", "b": "iub"}
"""Kinds of arrays by the kind they are turned into: numbers into fractions, whole numbers into each other."""


def _pattern(kind: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return `PROBED` arrays of a type and a shape, each another one."""
    places = np.arange(math.prod(shape)).reshape(shape)
    rows = [places * (row + 1) % 17 / 16 if kind.kind == "f" else places % (row + 2) == 0 for row in range(PROBED)]
    return np.stack(rows).astype(kind)


class ArraysReader:
    """Hands arrays through, after a look at their names and numbers of rows.

    Args:
        inputs: by the name of the argument, its `dtype` and the `shape` of a row.
        of: the part of a row that is read, see `Parts`; None: the row itself.
        example: arrays of two rows; None: zeros.
    """

    kind: ClassVar[str] = "arrays"
    needs: ClassVar[Mapping[str, type]] = {"inputs": dict}
    files: ClassVar[tuple[str, ...]] = ()
    takes: Takes | None = None

    def __init__(
        self,
        inputs: Mapping[str, Mapping[str, Any]],
        *,
        of: str | None = None,
        example: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        self.inputs = {
            name: {"dtype": str(np.dtype(str(one["dtype"]))), "shape": [index(size) for size in one["shape"]]}
            for name, one in inputs.items()
        }
        self._of, self._example = of, example

    @classmethod
    def of(cls, rows: Parts, part: str) -> "ArraysReader":
        """Return the reader of a part of such rows."""
        arrays = rows.of[part]
        inputs = {name: {"dtype": value.dtype, "shape": value.shape[1:]} for name, value in arrays.items()}
        return cls(inputs, of=part, example={name: value[:2] for name, value in arrays.items()})

    @property
    def digest(self) -> str:
        """Names the arguments, their types and shapes, and the part that they are."""
        return digest([self.inputs, self._of])

    @property
    def form(self) -> Form:
        """Two rows of each array; the rows are the only axis of any size."""
        zeros = {name: np.zeros((2, *one["shape"]), one["dtype"]) for name, one in self.inputs.items()}
        return Form(self.kind, self._example or zeros, {name: {0: "batch"} for name in zeros})

    @property
    def shapes(self) -> dict[str, tuple[int | None, ...]]:
        """As they were given."""
        return {name: tuple(one["shape"]) for name, one in self.inputs.items()}

    def encode(self, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Stacked:
        """Return arrays as rows, in the types that the network was exported with.

        Args:
            values: (rows, ...) arrays by the name of the argument, or a sequence of rows, a mapping each. More names
                than the network's arguments do no harm.

        Raises:
            TypeError: neither a mapping of arrays nor rows that are mappings.
            ValueError: an argument is missing, numbers of rows differ, or an array has another shape, or values that
                the argument's type cannot hold.
        """
        if isinstance(values, Parts) and self._of is not None:
            return Stacked(values.of[self._of])
        require_list(
            values, f"this student reads a mapping of arrays: {', '.join(self.inputs)}", of_frame="give {name: array}"
        )
        columns = values if isinstance(values, Mapping) else self._columns(values)
        if not len(values) and not isinstance(values, Mapping):
            return Stacked({name: np.zeros((0, *one["shape"]), one["dtype"]) for name, one in self.inputs.items()})
        if missing := [name for name in self.inputs if name not in columns]:
            raise ValueError(f"the student needs {', '.join(missing)}; given: {', '.join(columns) or 'nothing'}")
        arrays = {name: self._array(name, columns[name]) for name in self.inputs}
        sizes = {len(value) for value in arrays.values()}
        if len(sizes) != 1:
            raise ValueError(f"inputs need the same number of rows, not {sorted(sizes)}")
        return Stacked(arrays)

    def _columns(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        if isinstance(rows, np.ndarray | str) or not all(isinstance(row, Mapping) for row in rows):
            raise TypeError(f"this student reads a mapping of arrays: {', '.join(self.inputs)}")
        read = rows if self._of is None else [row[self._of] for row in rows]
        shared = [name for name in next(iter(read), ()) if all(name in row for row in read)]
        return {name: [row[name] for row in read] for name in shared}

    def _array(self, name: str, values: Any) -> NDArray[Any]:
        """Return an argument's array in its own type and byte order."""
        given, wanted = np.asarray(values), np.dtype(self.inputs[name]["dtype"])
        shape = tuple(self.inputs[name]["shape"])
        if given.shape[1:] != shape or not given.ndim:
            raise ValueError(f"`{name}` must have the shape {('rows', *shape)}, not {given.shape}")
        if given.dtype == wanted and given.dtype.isnative:
            return given
        array = given.astype(wanted) if given.dtype.kind in _CAST[wanted.kind] else None
        if array is None or (wanted.kind in "iub" and not np.array_equal(array, given)):
            raise ValueError(f"`{name}` must hold {wanted}, not {given.dtype}")
        return array

    def probe(self) -> dict[str, NDArray[Any]]:
        """Return fractions in [0, 1]; of whole numbers 0 and 1, which are ids of any table, and 1 first in a row."""
        return {name: _pattern(np.dtype(one["dtype"]), tuple(one["shape"])) for name, one in self.inputs.items()}

    def save(self, folder: Path) -> dict[str, Any]:
        """Return the arguments; there is no file."""
        return {"inputs": self.inputs}

    @classmethod
    def load(cls, folder: Path, info: Mapping[str, Any]) -> "ArraysReader":
        """Return the reader that was saved."""
        return cls(info["inputs"])
