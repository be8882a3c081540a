"""Columns of one file: csv, tsv, JSON, parquet and npz, with the line of whatever is wrong.

csv and JSON are read with the standard library: `datasets` guesses a column's type from its first rows, so that a text
"123" or "2020-01-01" comes back as a number or a date, and a label "a" after ten thousand "1" is refused.
"""

import csv
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from limbeck.data.cells import columns_of
from limbeck.data.npz import require_modest
from limbeck.errors import LimbeckError, first_line
from limbeck.files import FIELD_LIMIT, not_utf8, parsed_json, refuse_repeated
from limbeck.runtime.records import delimiter_of


class Columns(dict[str, list[Any]]):
    """Columns by name.

    Attributes:
        classes: what the values 0, 1, 2 ... of a column are called, by column, where the data says it.
        layout: how a source that has no columns tells the labels, and what it holds; empty: they are columns.
        numbers: of rows that were taken out of others, the number of each there, from 1; None: these are all.
    """

    def __init__(
        self,
        columns: Mapping[str, list[Any]] | None = None,
        classes: Mapping[str, tuple[str, ...]] | None = None,
        layout: str = "",
        numbers: Sequence[int] | None = None,
    ) -> None:
        super().__init__(columns or {})
        self.classes = dict(classes or {})
        self.layout, self.numbers = layout, numbers

    def take(self, rows: Sequence[int]) -> "Columns":
        """Return the given rows, counted from 0, in that order."""
        numbers = [row + 1 if self.numbers is None else self.numbers[row] for row in rows]
        held = {name: [values[row] for row in rows] for name, values in self.items()}
        return Columns(held, self.classes, numbers=numbers)


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


def read_file(path: Path, *, label: str | Sequence[str] | None = None, missing: Collection[str] = ()) -> Columns:
    """Read a file.

    Args:
        path: the file; its suffix, in either case, says what it is.
        label: the csv columns in which `1`, `1.0` and `true` stand for numbers and booleans, and nothing and
            `nan` for no label; every other csv field is the text that the file has, "NA" and "null" included.
        missing: what else stands for no label there.

    Raises:
        LimbeckError: an unknown suffix, no rows, bytes that are not UTF-8, or a malformed row.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        kind = f"`{path.suffix}` files" if path.suffix else "a file without a suffix"
        raise LimbeckError(f"cannot read {kind}", where=str(path), fix=f"use {', '.join(READERS)}")
    try:
        columns = reader(path)
    except UnicodeDecodeError:
        raise not_utf8(path) from None
    except OSError as error:
        raise LimbeckError(f"cannot be read ({error.strerror or first_line(error)})", where=str(path)) from None
    if not any(columns.values()):
        raise LimbeckError("no rows", where=str(path), fix="give a file with rows, or remove it")
    for name in columns_of(label) if reader in (_read_csv, _read_tsv) else ():
        if name in columns:
            columns[name] = _typed(columns[name], {"", "nan", "NaN", "NAN", *missing})
    return columns


def _read_csv(path: Path) -> Columns:
    return _delimited(path, ",")


def _read_tsv(path: Path) -> Columns:
    return _delimited(path, "\t")


def _delimited(path: Path, usual: str) -> Columns:
    csv.field_size_limit(FIELD_LIMIT)
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline()
        lines = csv.reader(chain([first], file), delimiter=delimiter_of(first, usual), strict=True)
        try:
            header = [name.strip() for name in next(lines, [])]
            refuse_repeated([name for name in header if name], f"{path}, line 1")
            rows = [_fields(row, header, path, lines.line_num) for row in lines if row]
        except csv.Error as error:
            raise LimbeckError(
                f"malformed row ({error})",
                where=f"{path}, line {lines.line_num}",
                fix='close every quote, and double those inside a quoted text ("")',
            ) from None
    return Columns({name: [row[index] for row in rows] for index, name in enumerate(header)})


def _fields(row: list[str], header: list[str], path: Path, line: int) -> list[str]:
    if len(row) != len(header):
        raise LimbeckError(
            f"a row of {len(row)} fields under a header of {len(header)}",
            where=f"{path}, line {line}",
            fix="put texts that hold the separator or a newline in double quotes",
        )
    return row


def _typed(values: list[str], missing: Collection[str]) -> list[Any]:
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
    return [None if value in missing else kind(value) for value in values]


def _boolean(value: str) -> bool:
    return value.lower() == "true"


def _is_code(value: str) -> bool:
    """Return True for `007`, which names something and counts nothing."""
    return len(value) > 1 and value[0] == "0" and value.isdigit()


def _read_json(path: Path) -> Columns:
    """Read one object a line, or one list of objects."""
    columns = Columns()
    for number, row in enumerate(_objects(path)):
        columns |= {name: [None] * number for name in row if name not in columns}
        for name, values in columns.items():
            values.append(row.get(name))
    return columns


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig") as file:
        start = file.read(1)
        while start.isspace():
            start = file.read(1)
        file.seek(0)
        if start == "[":
            for number, value in enumerate(_parse(file.read(), str(path))):
                yield _object(value, f"{path}, item {number + 1}")
        else:
            for number, line in enumerate(file):
                where = f"{path}, line {number + 1}"
                if line.strip():
                    yield _object(_parse(line, where), where)


def _parse(text: str, where: str) -> Any:
    try:
        return parsed_json(text)
    except json.JSONDecodeError as error:
        raise LimbeckError(
            f"not valid JSON ({error.msg}, column {error.colno})",
            where=where,
            fix="give one object a line, or one list of objects",
        ) from None


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise LimbeckError("not a JSON object", where=where, fix='write rows as {"text": ..., "label": ...}')
    return value


def _read_parquet(path: Path) -> Columns:
    import pyarrow
    import pyarrow.parquet

    try:
        # Not `read_table`, which imports pandas: a second.
        with pyarrow.parquet.ParquetFile(path) as file:
            rows = file.read()
        refuse_repeated(rows.column_names, str(path))
        return Columns(rows.to_pydict(), class_labels(stored_features(rows.schema.metadata)))
    except pyarrow.ArrowException as error:
        raise LimbeckError(
            f"not readable as parquet ({first_line(error)})", where=str(path), fix="write it again"
        ) from None


def _read_npz(path: Path) -> Columns:
    """Read an archive of NumPy arrays; the first axis of each are the rows."""
    # zipfile raises these of a file that is none, or is cut short, or has a password.
    try:
        with path.open("rb") as opened:
            require_modest(opened, path)
            with np.load(opened, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
    except (ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        objects = "Object arrays" in str(error)
        reason = "an array of Python objects, which are never unpickled" if objects else first_line(error)
        raise LimbeckError(
            f"not readable as npz ({reason})", where=str(path), fix="write it again with numpy.savez, numbers only"
        ) from None
    if bare := [name for name, array in arrays.items() if not array.ndim]:
        raise LimbeckError(f"the array `{bare[0]}` has no rows", where=str(path), fix="leave it out of the file")
    # Of one axis, rows are plain numbers and texts, as other files give them.
    return Columns({name: array.tolist() if array.ndim == 1 else list(array) for name, array in arrays.items()})


READERS: dict[str, Callable[[Path], Columns]] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".jsonl": _read_json,
    ".json": _read_json,
    ".parquet": _read_parquet,
    ".npz": _read_npz,
}
