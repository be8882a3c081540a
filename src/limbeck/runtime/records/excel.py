"""Excel workbooks: the rows of the first sheet, under a line with the names of the columns."""

import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, time
from itertools import zip_longest
from pathlib import Path
from typing import Any

from limbeck import installed
from limbeck.errors import LimbeckError, first_line
from limbeck.runtime.records.part import AT_ONCE, Note, Part, Wanted, refuse_repeated
from limbeck.runtime.records.texts import require_readable

_MOST = 1 << 31
"""Bytes of a workbook, unpacked: a million rows of text have a tenth of it."""


def workbook(file: str | Path, wanted: Wanted, forms: str, note: Note) -> Iterator[Part]:
    """Yield the rows of the first sheet, a part after the other; every cell is the text that the sheet shows.

    A formula is the value that the program stored. Rows without any cell are left out. Other sheets are noted.

    Raises:
        LimbeckError: `openpyxl` is not installed, the file is no workbook or too large a one, or two columns have one
            name.
    """
    path = Path(file)
    require_readable(path, forms)
    try:
        import openpyxl
    except ImportError:
        fix = f"{installed.line('excel')}, or save the sheet as .csv in the program that wrote it"
        raise LimbeckError("Excel files need openpyxl, which is not installed", where=str(path), fix=fix) from None
    try:
        with zipfile.ZipFile(path) as packed:
            if sum(member.file_size for member in packed.infolist()) > _MOST:
                raise LimbeckError("unpacks to more than 2 GB", where=str(path), fix="save the sheet as .csv")
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except LimbeckError:
        raise
    except OSError as error:
        reason = error.strerror or first_line(error)
        raise LimbeckError(f"cannot be read ({reason})", where=str(path), fix=f"give {forms}") from None
    except Exception as error:  # whatever a part of it makes zipfile, an XML parser or openpyxl raise
        raise _unreadable(path, error) from None
    try:
        sheet = book.worksheets[0]
        if book.worksheets[1:]:
            others = ", ".join(other.title for other in book.worksheets[1:])
            note(f"{path}: the first sheet, `{sheet.title}`, is read; not read: {others}")
        with closing(sheet.iter_rows(values_only=True)) as rows:
            yield from _rows(rows, wanted, path)
    except LimbeckError:
        raise
    except Exception as error:
        raise _unreadable(path, error) from None
    finally:
        book.close()


def _rows(rows: Iterator[tuple[Any, ...]], wanted: Wanted, path: Path) -> Iterator[Part]:
    header = [as_text(cell).strip() for cell in next(rows, ())]
    while header and not header[-1]:
        header.pop()
    refuse_repeated([name for name in header if name], f"{path}, line 1")
    kept = {name: index for index, name in enumerate(header) if name in wanted}
    found: list[list[str]] = []
    for number, row in enumerate(rows, 2):
        cells = [as_text(cell) for cell in row]
        if not any(cells):
            continue
        if any(cells[len(header) :]):
            raise LimbeckError(
                "a cell beside the columns that have a name", where=f"{path}, line {number}", fix="name every column"
            )
        found.append([cell for cell, _ in zip_longest(cells[: len(header)], header, fillvalue="")])
        if len(found) == AT_ONCE:
            yield Part(header, {name: [each[index] for each in found] for name, index in kept.items()}, len(found))
            found = []
    yield Part(header, {name: [each[index] for each in found] for name, index in kept.items()}, len(found))


def as_text(cell: Any) -> str:
    """Return a cell as a csv file has it: `3` of 3.0, `true` of True, 2026-01-31 of a date; nothing of an error."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    return "" if isinstance(cell, str) and cell in _ERRORS else str(cell)


_ERRORS = {"#N/A", "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!"}


def _unreadable(path: Path, error: Exception) -> LimbeckError:
    return LimbeckError(
        f"not readable as an Excel workbook ({first_line(error)})",
        where=str(path),
        fix="save it again as .xlsx, or the sheet as .csv",
    )
