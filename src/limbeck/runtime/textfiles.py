"""Texts from files and from standard input, for `limbeck predict`."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limbeck.errors import LimbeckError
from limbeck.files import files_below, not_read
from limbeck.runtime.decisions import unused
from limbeck.runtime.readers.pairs import joined, shown_parts
from limbeck.runtime.records import (
    FORMS,
    STDIN,
    SUFFIXES,
    Note,
    at_path,
    bases,
    opened,
    parts,
    place_of,
    require_readable,
    suffix_of,
    unsaid,
    whole_text,
)
from limbeck.runtime.takes import FILE, ROW, Asked, of_each, or_error

_SHOWN = 20
_LINES, _TEXT = ".txt", "text"


@dataclass(frozen=True, slots=True)
class Lines:
    """Text files, one text a line; a column of files that have columns; folders of text files, one text a file.

    `-` is standard input, one text a line.

    Attributes:
        columns: those of the training; a text of several is joined of them; none: they are not known.
    """

    columns: tuple[str, ...] = ()

    def trained_on(self, columns: Sequence[str]) -> "Lines":
        """Return lines whose columns are looked for under these names first."""
        return Lines(tuple(columns))

    def asked(self, given: Sequence[str], columns: Sequence[str] = (), note: Note = unsaid) -> Iterator[Asked]:
        """Return every line without its end; of a file with columns every text of those that are named.

        Where nobody names them, they are called as in the training, else `text`. Empty texts are among them. A record
        has the texts under the names of their columns, `text` of lines; of several files, under those of the first.
        """
        files = list(given) or [STDIN]
        if columns:
            self._require_columns(files, columns)
        return of_each(files, _Texts(files, self._wanted(columns), note, self._several).of)

    @property
    def _several(self) -> tuple[str, ...]:
        return self.columns if len(self.columns) > 1 else ()

    def _wanted(self, columns: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the sets of columns of which the first one that a file has is read."""
        if columns:
            return [tuple(columns)]
        return [self.columns] if self._several else list(dict.fromkeys([self.columns or (_TEXT,), (_TEXT,)]))

    def _require_columns(self, files: Sequence[str], columns: Sequence[str]) -> None:
        """Refuse columns where a file has none, and others than so many as in the training."""
        for file in files:
            if not _holds_columns(file):
                raise LimbeckError(
                    f"--column={columns[0]}, and lines of text have no columns",
                    where=place_of(file),
                    fix=f"leave it out, or give {FORMS}",
                )
        if self.columns and len(columns) != len(self.columns):
            count = f"{len(columns)} column{'s' * (len(columns) > 1)}"
            raise LimbeckError(
                f"{count} named, and a text of the training had {len(self.columns)}: {', '.join(self.columns)}",
                where="--column",
                fix="name one for each of them, in this order",
            )


def _holds_columns(file: str) -> bool:
    return file != STDIN and suffix_of(file) in SUFFIXES and not Path(file).is_dir()


class _Texts:
    """The texts of files that are given together.

    Args:
        files: all of them.
        wanted: sets of columns; the first one that a file has is read.
        note: is told of what is passed over, and of how a file is read.
        several: the columns of the training, where a text has several: lines and text files hold none then.
    """

    def __init__(
        self, files: Sequence[str], wanted: Sequence[tuple[str, ...]], note: Note, several: tuple[str, ...]
    ) -> None:
        self._wanted, self._note, self._several = wanted, note, several
        self._with_file = len(files) > 1
        self._only_folders = all(file != STDIN and Path(file).is_dir() for file in files)
        self._heads: tuple[str, ...] = ()

    def of(self, file: str) -> Iterator[Asked]:
        """Return the texts of one, which are read as they are asked for.

        Raises:
            LimbeckError: it is not there, or can hold no such text.
        """
        if self._several and not _holds_columns(file):
            raise LimbeckError(
                f"lines and text files have one part, and this student reads {len(self._several)}: "
                f"{', '.join(self._several)}",
                where=place_of(file),
                fix=f"give {FORMS} with these columns",
            )
        if file == STDIN:
            return self._lines(file)
        _require_there(file)
        if Path(file).is_dir():
            return (one for path in self._text_files(Path(file)) for one in or_error(path, self._whole))
        return self._cells(file) if _holds_columns(file) else self._lines(file)

    def _text_files(self, folder: Path) -> list[str]:
        every = list(files_below(folder))
        found = [path for path in every if path.suffix.lower() == _LINES]
        if not found:
            raise LimbeckError("no text file in this folder", where=str(folder), fix=f"give files, such as {FORMS}")
        if passed := [path for path in every if path.suffix.lower() != _LINES]:
            self._note(not_read(folder, passed))
        return [str(path) for path in found]

    def _whole(self, path: str) -> Iterator[Asked]:
        value = joined([whole_text(path)])
        if self._only_folders:
            source: dict[str, Any] = {FILE: path}
        else:  # beside rows: the same names, of which a whole file has one
            source = {FILE: path, ROW: None, **dict.fromkeys(self._named(self._wanted[0]))}
        yield Asked(path, value, source=source)

    def _lines(self, file: str) -> Iterator[Asked]:
        if file == STDIN and sys.stdin is not None and sys.stdin.isatty():
            self._note("one text a line; Ctrl-D ends")
        where = place_of(file)
        with opened(file, "a file, one text a line") as lines:
            for number, line in enumerate(lines, 1):
                text = line.rstrip("\r\n")
                yield Asked(
                    text, joined([text]), f"{where}, line {number}", self._source(file, number, (_TEXT,), (text,))
                )

    def _cells(self, file: str) -> Iterator[Asked]:
        """Yield the texts of the first of the sets of columns that is there; an empty one where a row has none."""
        columns: tuple[str, ...] | None = None
        number = 0
        for part in parts(file, {name for names in self._wanted for name in names}, self._note):
            if not part.rows:
                continue
            if columns is None:
                columns = self._first(file, part.names)
            held = [_column(part.cells, name, part.rows) for name in columns]
            for cells in zip(*held, strict=True):
                number += 1
                place = f"{file}, row {number}"
                texts = [_text(cell, name, place) for cell, name in zip(cells, columns, strict=True)]
                value = joined(texts)
                yield Asked(shown_parts(value), value, place, self._source(file, number, columns, texts))
        if not number:
            raise LimbeckError("no rows", where=file, fix="give a file with rows, or leave it out")

    def _first(self, file: str, held: Iterable[str]) -> tuple[str, ...]:
        """Return the first set of columns that is there."""
        found = next((names for names in self._wanted if all(_has(held, name) for name in names)), None)
        if found is not None:
            return found
        lacking = next(name for name in self._wanted[0] if not _has(held, name))
        shown, lines = ", ".join(list(held)[:_SHOWN]), "; or give lines of text as a .txt file"
        raise LimbeckError(
            f"no column `{lacking}`",
            where=file,
            fix=f"name {len(self._several)} with --column, of: {shown}"
            if self._several
            else f"set --column to one of: {shown}{lines}",
        )

    def _source(self, file: str, number: int, columns: tuple[str, ...], texts: Sequence[str]) -> dict[str, Any]:
        named = dict(zip(self._named(columns), texts, strict=True))
        return {FILE: file, ROW: number, **named} if self._with_file else {ROW: number, **named}

    def _named(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        """Return what a record calls texts of these columns: as those of the first file, and never as its place."""
        self._heads = self._heads or tuple(
            unused(f"{name}_{_TEXT}", columns) if name in (FILE, ROW) else name for name in columns
        )
        return self._heads


def _require_there(file: str) -> None:
    """Refuse what cannot be opened, before anything of it is answered."""
    path, forms = Path(file), f"a file with a text a line, {FORMS}"
    require_readable(path, forms)
    if path.is_dir():
        return
    try:
        path.open("rb").close()
    except OSError as error:
        raise LimbeckError(f"cannot be read ({error.strerror})", where=file, fix=f"give {forms}") from None


def _has(names: Iterable[str], name: str) -> bool:
    held = set(names)
    return any(base in held for base in bases(name))


def _column(cells: dict[str, list[Any]], name: str, rows: int) -> list[Any]:
    base = next((each for each in reversed(bases(name)) if each in cells), None)
    if base is None:
        return [None] * rows
    return cells[base] if base == name else at_path(cells[base], name[len(base) + 1 :])


def _text(cell: Any, column: str, place: str) -> str:
    if cell is None:
        return ""
    if not isinstance(cell, str):
        raise LimbeckError(
            f"column `{column}` has a value of type {type(cell).__name__}, where a text belongs",
            where=place,
            fix="set --column to the column with the text",
        )
    return cell
