"""csv and tsv files: a line with the names of the columns, and a row a record."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any

from limbeck.errors import LimbeckError
from limbeck.files import FIELD_LIMIT
from limbeck.runtime.records.part import AT_ONCE, BYTES, Note, Part, Wanted, refuse_repeated
from limbeck.runtime.records.texts import encoding_of, opened, place_of, suffix_of

_USUAL = {".csv": ",", ".tsv": "\t"}
_NAMES = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
_DECLARED = re.compile('\ufeff?"?sep=([^\\w\\s"\']|\\t)"?[\r\n]*')
"""A first line, as Excel reads and writes it, that says the separator and is no row."""
_SAMPLE = 50
"""Lines by which the separator is found."""


def delimited(file: str | Path, wanted: Wanted, forms: str, note: Note) -> Iterator[Part]:
    """Yield the rows of a csv or tsv file, a part after the other; every cell is the text that the file has.

    Fields are separated by what a first line `sep=;` says, or by `;` or a tab where the comma does not fit, see
    `delimiter_of`; that is noted, and so is another encoding than UTF-8.

    Raises:
        LimbeckError: see `opened`; a quote that is not closed, a row of another length than the header, or two columns
            of one name.
    """
    where, usual = place_of(file), _USUAL[suffix_of(file)]
    with opened(file, forms) as lines:
        if (encoding := encoding_of(Path(file))) != "utf-8":
            note(f"{where}: read as {encoding.upper()}, as its first bytes say")
        first, delimiter, above = _begun(lines, usual)
        if delimiter != usual:
            note(f"{where}: fields are separated by {_NAMES.get(delimiter, f'`{delimiter}`')}")
        csv.field_size_limit(FIELD_LIMIT)
        records = csv.reader(chain(first, lines), delimiter=delimiter, strict=True)
        try:
            header = [name.strip() for name in next(records, [])]
            refuse_repeated([name for name in header if name], f"{where}, line {above + 1}")
            kept = {name: index for index, name in enumerate(header) if name in wanted}
            rows: list[list[str]] = []
            size = 0
            for row in records:
                if not row:
                    continue
                if len(row) != len(header):
                    raise _uneven(row, header, f"{where}, line {above + records.line_num}")
                rows.append(row)
                size += sum(map(len, row))
                if len(rows) == AT_ONCE or size >= BYTES:
                    yield _part(rows, header, kept)
                    rows, size = [], 0
            yield _part(rows, header, kept)
        except csv.Error as error:
            raise LimbeckError(
                f"malformed row ({error})",
                where=f"{where}, line {above + records.line_num}",
                fix='close every quote, and double those inside a quoted text ("")',
            ) from None


def _begun(lines: Iterator[str], usual: str) -> tuple[list[str], str, int]:
    """Return the first lines with names and rows, what separates their fields, and how many lines stand above them."""
    first = list(islice(lines, _SAMPLE))
    if first and (declared := _DECLARED.fullmatch(first[0])):
        return first[1:], declared[1], 1
    return first, delimiter_of(first, usual), 0


def _part(rows: Sequence[Sequence[str]], header: Sequence[str], kept: dict[str, int]) -> Part:
    return Part(header, {name: [row[index] for row in rows] for name, index in kept.items()}, len(rows))


def _uneven(row: Sequence[Any], header: Sequence[str], where: str) -> LimbeckError:
    return LimbeckError(
        f"a row of {len(row)} fields under a header of {len(header)}",
        where=where,
        fix="put texts that hold the separator or a newline in double quotes",
    )


def delimiter_of(lines: Sequence[str], usual: str) -> str:
    """Return what separates the fields of a csv or tsv file.

    It is the one by its suffix where that divides every record into as many fields as the first one, or where no other
    does so; else `;` or a tab.

    Args:
        lines: the first ones.
        usual: by the file's suffix, `,` or a tab.
    """
    candidates = [usual, *(each for each in (";", "\t", ",") if each != usual)]
    divides = {each: _fields(lines, each) for each in candidates}
    even = [each for each, counts in divides.items() if len(set(counts)) == 1 and counts[0] > 1]
    if even:
        return even[0]
    return next((each for each, counts in divides.items() if counts and counts[0] > 1), usual)


def _fields(lines: Sequence[str], delimiter: str) -> list[int]:
    """Return how many fields each record has; of a quote that these lines do not close, those before it."""
    found: list[int] = []
    with suppress(csv.Error):
        found.extend(len(record) for record in csv.reader(lines, delimiter=delimiter, strict=True) if record)
    return found


def looks_like_a_row(path: Path) -> Sequence[str] | None:
    """Return the first record of a csv or tsv file where it is no line of names, but a row; None where it may be one.

    A cell of it is a number, has many words, or stands in its column further down too.
    """
    with opened(path, "a csv file") as lines:
        first, delimiter, _ = _begun(lines, _USUAL[suffix_of(path)])
    try:
        records = list(csv.reader(first, delimiter=delimiter))
    except csv.Error:
        return None
    return _unlike_names(records[0], records[1:]) if records else None


_WORDS = 4


def _unlike_names(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Sequence[str] | None:
    columns = [{row[index].strip() for row in rows if index < len(row)} for index in range(len(header))]
    odd = [
        _is_number(name) or len(name.split()) > _WORDS or (bool(name.strip()) and name.strip() in cells)
        for name, cells in zip(header, columns, strict=True)
    ]
    return header if any(odd) else None


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True
