"""Columns of one file: of every form that `runtime.records` reads, of an npz archive, and of lines of text.

csv and JSON are read with the standard library: `datasets` guesses a column's type from its first rows, so that a text
"123" or "2020-01-01" comes back as a number or a date, and a label "a" after ten thousand "1" is refused.
"""

import json
import re
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from limbeck.console import meter, say
from limbeck.data.cells import columns_of
from limbeck.data.held import taken
from limbeck.data.npz import require_modest
from limbeck.data.spill import LARGE, Spill, are_long
from limbeck.errors import LimbeckError, first_line
from limbeck.runtime.records import SUFFIXES, at_path, bases, opened, parts, size_when_read, suffix_of

LINES, ARRAYS = ".txt", ".npz"
FILES = (*SUFFIXES, ARRAYS)
"""Suffixes of files that hold rows by column."""
_ALL_TEXT = (".csv", ".tsv", ".xlsx")


class Columns(dict[str, Sequence[Any]]):
    """Columns by name: those that are wanted. Those with long cells of a large file lie on disk, see `Held`.

    Attributes:
        classes: what the values 0, 1, 2 ... of a column are called, by column, where the data says it.
        layout: how a source that has no columns tells the labels, and what it holds; empty: they are columns.
        files: those that the rows are, where each is one; none: they are not.
        numbers: of rows that were taken out of others, the number of each there, from 1; None: these are all.
    """

    def __init__(
        self,
        columns: Mapping[str, Sequence[Any]] | None = None,
        classes: Mapping[str, tuple[str, ...]] | None = None,
        layout: str = "",
        numbers: Sequence[int] | None = None,
        names: Collection[str] = (),
    ) -> None:
        super().__init__(columns or {})
        self.classes = dict(classes or {})
        self.layout, self.numbers, self._names = layout, numbers, tuple(names)
        self.files: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every column that the source has, those that nobody wants included."""
        return self._names or tuple(self)

    def take(self, rows: Sequence[int]) -> "Columns":
        """Return the given rows, counted from 0, in that order."""
        numbers = [row + 1 if self.numbers is None else self.numbers[row] for row in rows]
        index = np.asarray(rows, np.int64)
        held = {name: taken(values, index) for name, values in self.items()}
        found = Columns(held, self.classes, self.layout, numbers, self._names)
        found.files = tuple(self.files[row] for row in rows) if self.files else ()
        return found


def class_labels(features: Any) -> dict[str, tuple[str, ...]]:
    """Return the names of the classes in each column that is a `ClassLabel` of `datasets`.

    Args:
        features: of a `datasets.Dataset`, or as a parquet file holds them; anything else has none.
    """
    found: dict[str, tuple[str, ...]] = {}
    for column, feature in features.items() if isinstance(features, Mapping) else ():
        kind, names = (
            (feature.get("_type"), feature.get("names"))
            if isinstance(feature, Mapping)
            else (type(feature).__name__, getattr(feature, "names", None))
        )
        if kind == "ClassLabel" and isinstance(names, list) and all(isinstance(name, str) for name in names):
            found[column] = tuple(names)
    return found


def stored_features(metadata: Any) -> Any:
    """Return the features that `datasets` wrote into an Arrow schema's metadata; None where there are none."""
    try:
        return json.loads(metadata[b"huggingface"])["info"]["features"]
    except (TypeError, KeyError, ValueError):
        return None


_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]{0,999})")  # Python refuses to read some thousands of digits
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def read_file(
    path: Path,
    *,
    label: str | Sequence[str] | None = None,
    missing: Collection[str] = (),
    columns: Collection[str] | None = None,
) -> Columns:
    """Read a file.

    Args:
        path: the file; its suffix, in either case, says what it is.
        label: the columns of a csv file or a sheet in which `1`, `1.0` and `true` stand for numbers and booleans, and
            nothing and `nan` for no label; every other cell is the text that is there, "NA" and "null" included.
        missing: what else stands for no label there.
        columns: those whose cells are read; a path such as `review.body` is one where the file has none of that name;
            None: all.

    Raises:
        LimbeckError: an unknown suffix, no rows, bytes that are not text, or a malformed row.
    """
    typed = columns_of(label)
    if suffix_of(path) == LINES:
        return _lines(path, columns)
    if path.suffix.lower() == ARRAYS:
        return _read_npz(path)
    found = _read_parts(path, None if columns is None else {*columns, *typed})
    for name in typed if suffix_of(path) in _ALL_TEXT else ():
        if name in found:
            found[name] = _typed(found[name], {"", "nan", "NaN", "NAN", *missing})
    return found


def _read_parts(path: Path, columns: Collection[str] | None) -> Columns:
    """Read a file; of a large one, columns of long cells are laid on disk."""
    cells: dict[str, list[Any] | Spill] = {}
    large = size_when_read(path) >= LARGE
    names: Collection[str] = ()
    rows = 0
    with meter(f"rows of {path.name}", None, brief=True) as progress:
        for part in parts(path, columns, lambda line: say(f"  {line}")):
            names = part.names
            for name, held in part.cells.items() if part.rows else ():
                if name not in cells:
                    cells[name] = Spill() if large and are_long(held) else []
                    cells[name].extend([None] * rows)
                cells[name].extend(held)
            rows += part.rows
            for held in cells.values():
                if len(held) < rows:  # no object of this part has the key
                    held.extend([None] * (rows - len(held)))
            progress.advance(part.rows)
    if not rows:
        raise LimbeckError("no rows", where=str(path), fix="give a file with rows, or remove it")
    whole = {name: held.done() if isinstance(held, Spill) else held for name, held in cells.items()}
    found = Columns({name: whole[name] for name in names if name in whole}, _classes(path), names=names)
    return with_paths(found, columns or ())


def _classes(path: Path) -> dict[str, tuple[str, ...]]:
    """Return what a parquet file says of the classes in its columns."""
    if path.suffix.lower() != ".parquet":
        return {}
    import pyarrow.parquet

    return class_labels(stored_features(pyarrow.parquet.read_schema(path).metadata))


def with_paths(found: Columns, asked: Collection[str]) -> Columns:
    """Return columns, and beside them what objects in one of them hold at a path that is asked for."""
    for path in asked:
        base = next((name for name in reversed(bases(path)[:-1]) if name in found), None)
        if path in found.names or base is None:
            continue
        cells = at_path(found[base], path[len(base) + 1 :])
        if any(cell is not None for cell in cells):
            found[path] = cells
    return found


def _lines(path: Path, columns: Collection[str] | None) -> Columns:
    """Read a text file: one text a line, in a column of the first name that is wanted, or `text`."""
    with opened(path, "a file, one text a line") as lines:
        texts = [line.rstrip("\r\n") for line in lines]
    if not any(text.strip() for text in texts):
        raise LimbeckError("no rows", where=str(path), fix="give a file with a text a line, or remove it")
    return Columns({next(iter(columns or ()), "text"): texts})


def _typed(values: Sequence[str], missing: Collection[str]) -> list[Any]:
    """Return the labels of a csv column as numbers or booleans when every one of them is written like that."""
    values = [value.strip() for value in values]
    written = set(values) - {*missing}
    kind: Callable[[str], Any] = str
    if all(_INTEGER.fullmatch(value) for value in written):
        kind = int
    elif all(value.lower() in ("true", "false") for value in written):
        kind = _boolean
    elif all(_NUMBER.fullmatch(value) for value in written) and not any(_is_code(value) for value in written):
        kind = float
    # One object a value, however many rows have it.
    known = {value: kind(value) for value in written}
    return [known.get(value) for value in values]


def _boolean(value: str) -> bool:
    return value.lower() == "true"


def _is_code(value: str) -> bool:
    """Return True for `007`, which names something and counts nothing."""
    return len(value) > 1 and value[0] == "0" and value.isdigit()


def _read_npz(path: Path) -> Columns:
    """Read an archive of NumPy arrays; the first axis of each are the rows."""
    # zipfile raises these of a file that is none, or is cut short, or has a password.
    try:
        with path.open("rb") as raw:
            require_modest(raw, path)
            with np.load(raw, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
    except OSError as error:
        raise LimbeckError(f"cannot be read ({error.strerror or first_line(error)})", where=str(path)) from None
    except (ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        objects = "Object arrays" in str(error)
        reason = "an array of Python objects, which are never unpickled" if objects else first_line(error)
        raise LimbeckError(
            f"not readable as npz ({reason})", where=str(path), fix="write it again with numpy.savez, numbers only"
        ) from None
    if not any(len(array) if array.ndim else 1 for array in arrays.values()):
        raise LimbeckError("no rows", where=str(path), fix="give a file with rows, or remove it")
    if bare := [name for name, array in arrays.items() if not array.ndim]:
        raise LimbeckError(f"the array `{bare[0]}` has no rows", where=str(path), fix="leave it out of the file")
    # Of one axis, rows are plain numbers and texts, as other files give them.
    return Columns({name: array.tolist() if array.ndim == 1 else list(array) for name, array in arrays.items()})
