"""Rows of a table from files and from standard input, for `limbeck predict`."""

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TextIO

from limbeck.errors import LimbeckError
from limbeck.files import not_utf8
from limbeck.runtime.takes import Asked

_DELIMITERS = {".csv": ",", ".tsv": "\t"}


class TableFiles:
    """csv and tsv files with a header, and files of one JSON object a line; `-` is standard input with the latter."""

    key: ClassVar[str] = "row"

    def asked(self, given: Sequence[str]) -> list[Asked]:
        """Return every row, called by its number, and by its file where there are several."""
        return [
            Asked(f"row {number}" if len(given) < 2 else f"{file}, row {number}", row)
            for file in given or ["-"]
            for number, row in enumerate(_rows(file), 1)
        ]


def _rows(file: str) -> Iterator[Mapping[str, Any]]:
    where = "standard input" if file == "-" else file
    delimiter = _DELIMITERS.get(Path(file).suffix.lower())
    try:
        with sys.stdin if file == "-" else Path(file).open(encoding="utf-8-sig", newline="") as lines:
            yield from _objects(lines, where) if delimiter is None else _records(lines, delimiter, where)
    except OSError as error:
        raise LimbeckError(
            f"cannot be read ({error.strerror})", where=where, fix="give csv, tsv, or one JSON object a line"
        ) from None
    except UnicodeDecodeError:
        raise LimbeckError("not UTF-8", where=where) if file == "-" else not_utf8(Path(file)) from None


def _records(lines: TextIO, delimiter: str, where: str) -> Iterator[dict[str, Any]]:
    records = csv.reader(lines, delimiter=delimiter, strict=True)
    header = [name.strip() for name in next(records, [])]
    try:
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
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise LimbeckError(
                f"not valid JSON ({error.msg}, column {error.colno})",
                where=f"{where}, line {number}",
                fix='write a row as {"column": value, ...}, one a line; or give a .csv or .tsv file',
            ) from None
        if not isinstance(row, dict):
            raise LimbeckError("not a JSON object", where=f"{where}, line {number}", fix='write {"column": value, ...}')
        yield row
