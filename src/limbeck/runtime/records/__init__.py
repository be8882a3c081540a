"""Rows of files by column, read a part at a time: the one place that knows what a file of rows looks like.

To add a form: a file here with a function as `delimited`, and one line in `_FORMS`. Training reads the same forms, see
`data.readers`.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from limbeck.errors import LimbeckError
from limbeck.files import FORMS
from limbeck.runtime.records.arrow import parquet, unpacked
from limbeck.runtime.records.delimited import delimited, looks_like_a_row
from limbeck.runtime.records.excel import workbook
from limbeck.runtime.records.objects import at_path, keys_of, objects
from limbeck.runtime.records.part import Note, Part, Wanted, bases, refuse_repeated, unsaid
from limbeck.runtime.records.texts import STDIN, opened, place_of, require_readable, stem_of, suffix_of, whole_text

__all__ = [
    "FORMS",
    "STDIN",
    "SUFFIXES",
    "Note",
    "Part",
    "Wanted",
    "advice",
    "at_path",
    "bases",
    "keys_of",
    "looks_like_a_row",
    "opened",
    "parts",
    "place_of",
    "refuse_repeated",
    "require_readable",
    "size_when_read",
    "stem_of",
    "suffix_of",
    "unknown",
    "unsaid",
    "whole_text",
]

_FORMS: dict[str, Callable[[str | Path, Wanted, str, Note], Iterator[Part]]] = {
    ".csv": delimited,
    ".tsv": delimited,
    ".jsonl": objects,
    ".ndjson": objects,
    ".json": objects,
    ".parquet": parquet,
    ".xlsx": workbook,
}
SUFFIXES = tuple(_FORMS)
"""Of files that hold rows by column; `.gz` may follow those of text."""
_TEXT = (delimited, objects)
_TELL = {
    ".xls": "save it as .xlsx or .csv in the program that wrote it",
    ".ods": "save it as .xlsx or .csv in the program that wrote it",
    ".zip": "unpack it",
    ".tar": "unpack it",
    ".pkl": "nothing is unpickled; write it as parquet, for example frame.to_parquet(...)",
    ".pickle": "nothing is unpickled; write it as parquet, for example frame.to_parquet(...)",
    ".pt": "nothing is unpickled; write it as npz or parquet",
    ".feather": "write it as parquet",
    ".arrow": "give the folder that `save_to_disk` wrote, or write it as parquet",
}


def size_when_read(path: Path) -> int:
    """Return how many bytes a file of rows takes: of a parquet file, once its cells are no longer compressed."""
    own = path.stat().st_size
    return max(own, unpacked(path)) if suffix_of(path) == ".parquet" else own


def parts(file: str | Path, columns: Iterable[str] | None = None, note: Note = unsaid) -> Iterator[Part]:
    """Yield the rows of a file, a part after the other; `-` is standard input, with one JSON object a line.

    Args:
        file: its path; the suffix, in either case, says what it is.
        columns: those that are wanted; of `review.body`, the column `review` where there is no such column; None: all.
        note: is told how the file is read, where that is not plain.

    Raises:
        LimbeckError: it cannot be read, is of no such form, or a row is malformed.
    """
    if str(file) != STDIN:
        require_readable(Path(file), FORMS)
    form = objects if str(file) == STDIN else _FORMS.get(suffix_of(file))
    if form is None or (form not in _TEXT and Path(file).suffix.lower() not in _FORMS):
        raise unknown(Path(file))
    yield from form(file, Wanted(columns), FORMS, note)


def unknown(path: Path, forms: str = FORMS) -> LimbeckError:
    """Return the error for a file of no form that is read."""
    kind = f"`{path.suffix}` files" if path.suffix else "a file without a suffix"
    return LimbeckError(f"cannot read {kind}", where=str(path), fix=advice(path) or f"use {forms}")


def advice(path: Path) -> str | None:
    """Return what to do with a file of a form that is not read; None where nothing is known of it."""
    return _TELL.get(path.suffix.lower())
