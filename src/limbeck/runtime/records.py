"""Rows of files by column: csv, tsv, and one JSON object a line; without what the runtime does not bring."""

import csv
import json
import sys
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from limbeck.errors import LimbeckError
from limbeck.files import FIELD_LIMIT, named_path, not_utf8, parsed_json, refuse_repeated

FORMS = "csv, tsv, or one JSON object a line (jsonl)"
"""What is read, in words."""
SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".parquet", ".npz")
"""Of files that hold rows by column, some of which only training reads."""
_ELSEWHERE = (".parquet", ".npz")
_DELIMITERS = {".csv": ",", ".tsv": "\t"}


def records(file: str) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a file; `-` is standard input, with one JSON object a line.

    Raises:
        LimbeckError: it cannot be read, has no row, or a row is malformed.
    """
    where, suffix = "standard input" if file == "-" else file, Path(file).suffix.lower()
    if suffix in _ELSEWHERE and Path(file).is_file():
        raise LimbeckError(f"{suffix} files are not read here", where=where, fix=f"write it as {FORMS}")
    if file != "-":
        require_readable(Path(file), FORMS)
    delimiter = _DELIMITERS.get(suffix)
    held = False
    try:
        with sys.stdin if file == "-" else Path(file).open(encoding="utf-8-sig", newline="") as lines:
            for row in _objects(lines, where) if delimiter is None else _fields(lines, delimiter, where):
                held = True
                yield row
    except OSError as error:
        raise LimbeckError(f"cannot be read ({error.strerror})", where=where, fix=f"give {FORMS}") from None
    except UnicodeDecodeError:
        raise LimbeckError("not UTF-8", where=where) if file == "-" else not_utf8(Path(file)) from None
    if not held:
        raise LimbeckError("no rows", where=where, fix="give a file with rows, or leave it out")


def require_readable(path: Path, forms: str) -> None:
    """Refuse a pipe or a device, which may have no end, and a path that can be none.

    Args:
        path: what is to be opened.
        forms: what may be given instead.

    Raises:
        LimbeckError: it is such.
    """
    named_path(path)
    if path.exists() and not path.is_file() and not path.is_dir():
        raise LimbeckError("no file, but a pipe or a device", where=str(path), fix=f"give {forms}; `-` reads a pipe")


def delimiter_of(header: str, usual: str) -> str:
    """Return what separates the fields of a csv or tsv file: `;` or a tab where only that divides the first line.

    Args:
        header: the first line.
        usual: by the file's suffix, `,` or a tab; it is taken where it divides the line, and where nothing does.
    """
    for delimiter in (usual, ";", "\t"):
        if len(next(csv.reader([header], delimiter=delimiter), [])) > 1:
            return delimiter
    return usual


def _fields(lines: TextIO, usual: str, where: str) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(FIELD_LIMIT)
    first = lines.readline()
    records = csv.reader(chain([first], lines), delimiter=delimiter_of(first, usual), strict=True)
    try:
        header = [name.strip() for name in next(records, [])]
        refuse_repeated([name for name in header if name], f"{where}, line 1")
        for record in records:
            if record and len(record) != len(header):
                found = f"a row of {len(record)} fields under a header of {len(header)}"
                raise LimbeckError(found, where=f"{where}, line {records.line_num}")
            if record:
                yield dict(zip(header, record, strict=True))
    except csv.Error as error:
        raise LimbeckError(f"malformed row ({error})", where=f"{where}, line {records.line_num}") from None


def _objects(lines: TextIO, where: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = parsed_json(line)
        except json.JSONDecodeError as error:
            raise LimbeckError(
                f"not valid JSON ({error.msg}, column {error.colno})",
                where=f"{where}, line {number}",
                fix='write a row as {"column": value, ...}, one a line; or give a .csv or .tsv file',
            ) from None
        if not isinstance(row, dict):
            raise LimbeckError("not a JSON object", where=f"{where}, line {number}", fix='write {"column": value, ...}')
        yield row
