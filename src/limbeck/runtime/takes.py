"""What `limbeck predict` is given, and the values that a student is asked for: texts, or files.

Values come one after the other, and are answered as they come: what is given may be larger than memory.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from limbeck.errors import LimbeckError
from limbeck.files import files_below, not_read
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

_SHOWN = 20
_AT_ONCE = 256
"""Values that are read and answered together: files are not all held in memory."""
_LINES, _ARRAYS = ".txt", ".npz"


@dataclass(frozen=True, slots=True)
class Asked:
    """One value that a student is asked for.

    Attributes:
        shown: how an answer names it.
        value: what the reader encodes.
        place: where it was read, for errors; empty: `shown` says it.
        key: what `shown` is; None: what the student reads, see `Takes.key`.
    """

    shown: str
    value: Any
    place: str = ""
    key: str | None = None


class Takes(Protocol):
    """How the arguments of a command become values.

    Attributes:
        key: what is said beside an answer.
    """

    key: ClassVar[str]

    def asked(self, given: Sequence[str], columns: Sequence[str] = (), note: Note = unsaid) -> Iterator[Asked]:
        """Return the values, in order, which are read as they are asked for.

        Args:
            given: the arguments; none: standard input.
            columns: those with the value, where a file has columns; none: nobody has named them.
            note: is told a line of what is passed over, and of how a file is read.

        Raises:
            LimbeckError: one of the arguments is not there, or cannot hold such values; once a value is asked for,
                that it cannot be read.
        """
        ...

    def trained_on(self, columns: Sequence[str]) -> Self:
        """Return the same where the examples of the training stood in columns of these names."""
        ...


@dataclass(frozen=True, slots=True)
class Lines:
    """Text files, one text a line; a column of files that have columns; folders of text files, one text a file.

    `-` is standard input, one text a line.

    Attributes:
        columns: those of the training; a text of several is joined of them.
    """

    key: ClassVar[str] = "text"
    columns: tuple[str, ...] = (key,)

    def trained_on(self, columns: Sequence[str]) -> "Lines":
        """Return lines whose columns are looked for under these names first."""
        return Lines(tuple(columns))

    def asked(self, given: Sequence[str], columns: Sequence[str] = (), note: Note = unsaid) -> Iterator[Asked]:
        """Return every line without its end; of a file with columns every text of those that are named.

        Where nobody names them, they are called as in the training, else `text`. Empty texts are among them.
        """
        files = list(given) or [STDIN]
        for file in files:
            _require_there(file)
            if columns and (file == STDIN or suffix_of(file) not in SUFFIXES):
                raise LimbeckError(
                    f"--column={columns[0]}, and lines of text have no columns",
                    where=place_of(file),
                    fix=f"leave it out, or give {FORMS}",
                )
        wanted = [tuple(columns)] if columns else list(dict.fromkeys([self.columns, (self.key,)]))
        return (asked for file in files for asked in self._of(file, wanted, note))

    def _of(self, file: str, wanted: Sequence[tuple[str, ...]], note: Note) -> Iterator[Asked]:
        if file != STDIN and Path(file).is_dir():
            return (Asked(str(path), whole_text(path), key="file") for path in _text_files(Path(file)))
        if file != STDIN and suffix_of(file) in SUFFIXES:
            return _cells(file, wanted, note)
        return _lines(file, note)


def _require_there(file: str) -> None:
    """Refuse what cannot be opened, before anything is answered."""
    if file == STDIN:
        return
    path, forms = Path(file), f"a file with a text a line, {FORMS}"
    require_readable(path, forms)
    if path.is_dir():
        _text_files(path)
        return
    try:
        path.open("rb").close()
    except OSError as error:
        raise LimbeckError(f"cannot be read ({error.strerror})", where=file, fix=f"give {forms}") from None


def _text_files(folder: Path) -> list[Path]:
    found = [path for path in files_below(folder) if path.suffix.lower() == _LINES]
    if not found:
        raise LimbeckError("no text file in this folder", where=str(folder), fix=f"give files, such as {FORMS}")
    return found


def _lines(file: str, note: Note) -> Iterator[Asked]:
    if file == STDIN and sys.stdin is not None and sys.stdin.isatty():
        note("one text a line; Ctrl-D ends")
    where = place_of(file)
    with opened(file, "a file, one text a line") as lines:
        for number, line in enumerate(lines, 1):
            text = line.rstrip("\r\n")
            yield Asked(text, text, f"{where}, line {number}")


def _cells(file: str, wanted: Sequence[tuple[str, ...]], note: Note) -> Iterator[Asked]:
    """Yield the texts of the first of these sets of columns that is there; an empty one where a row has none."""
    columns: tuple[str, ...] | None = None
    number = 0
    for part in parts(file, {name for names in wanted for name in names}, note):
        if not part.rows:
            continue
        if columns is None:
            columns = next((names for names in wanted if all(_has(part.names, name) for name in names)), None)
            if columns is None:
                raise _no_text(file, next(name for name in wanted[0] if not _has(part.names, name)), part.names)
        held = [_column(part.cells, name, part.rows) for name in columns]
        for cells in zip(*held, strict=True):
            number += 1
            place = f"{file}, row {number}"
            value = joined([_text(cell, name, place) for cell, name in zip(cells, columns, strict=True)])
            yield Asked(shown_parts(value), value, place)
    if not number:
        raise LimbeckError("no rows", where=file, fix="give a file with rows, or leave it out")


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


def _no_text(file: str, column: str, names: Iterable[str]) -> LimbeckError:
    return LimbeckError(
        f"no column `{column}`",
        where=file,
        fix=f"set --column to one of: {', '.join(list(names)[:_SHOWN])}; or give lines of text as a .txt file",
    )


def no_column(why: str) -> LimbeckError:
    """Return the error for a column that is named where none can be."""
    return LimbeckError(why, where="--column", fix="leave it out")


@dataclass(frozen=True, slots=True)
class Files:
    """Files that hold one value each, and folders of such files.

    Attributes:
        noun: one value in words; several end with an `s`.
        suffixes: of the files that are taken from a folder, in lower case. A file that is named itself may have any.
    """

    key: ClassVar[str] = "file"
    noun: str
    suffixes: tuple[str, ...]

    def trained_on(self, columns: Sequence[str]) -> "Files":
        """Return itself: files have no columns."""
        return self

    def asked(self, given: Sequence[str], columns: Sequence[str] = (), note: Note = unsaid) -> Iterator[Asked]:
        """Return the paths of the files; those of a folder however deep, in the order of their paths.

        Files of a folder that end with something else are noted.
        """
        if columns:
            raise no_column(f"files of {self.noun}s have no columns")
        if not given:
            raise LimbeckError(f"no {self.noun} is given", fix=f"name files or folders of {self.noun}s")
        files = [path for each in given for path in self._files(Path(each), note)]
        return (Asked(str(path), str(path)) for path in files)

    def _files(self, path: Path, note: Note) -> list[Path]:
        if not path.is_dir():
            self._require_no_table(path)
            return [path]
        every = list(files_below(path))
        found = [file for file in every if file.suffix.lower() in self.suffixes]
        if found and (passed := [file for file in every if file.suffix.lower() not in self.suffixes]):
            note(not_read(path, passed))
        if not found:
            kinds = ", ".join(sorted({file.suffix or file.name for file in every})[:_SHOWN])
            raise LimbeckError(
                f"no {self.noun} in this folder" + (f", only {kinds}" if kinds else ""),
                where=str(path),
                fix=f"give a folder with files that end with {', '.join(self.suffixes)}",
            )
        return found

    def _require_no_table(self, path: Path) -> None:
        """Refuse files that hold rows, and standard input."""
        suffix, lines = suffix_of(path), str(path) == STDIN
        if not lines and suffix not in (*SUFFIXES, _ARRAYS):
            return
        held = "standard input" if lines else f"the rows of a {suffix} file"
        raise LimbeckError(
            f"{held} cannot be read as {self.noun}s, only files that are {self.noun}s",
            where=str(path),
            fix="name these, or folders of them; what rows hold (paths, bytes, arrays) is asked for in Python: "
            "limbeck.load(...).predict([...])",
        )


class WithContent:
    """Leaves values out that hold nothing: to a blank text, such as a file's last line, a model gives an answer too.

    Attributes:
        said: the line that counts them; empty where there are none.
    """

    def __init__(self) -> None:
        self._count, self._first = 0, ""

    def of(self, asked: Iterable[Asked]) -> Iterator[Asked]:
        """Yield the others."""
        for one in asked:
            if isinstance(one.value, str) and not one.value.strip():
                self._count, self._first = self._count + 1, self._first or one.place or one.shown
            else:
                yield one

    @property
    def said(self) -> str:
        """The line that counts them; empty where there are none."""
        if not self._count:
            return ""
        return f"left out: {self._count:,} empty text{'s' * (self._count != 1)}, the first in {self._first}"


def answered(
    asked: Iterable[Asked], predict: Callable[[list[Any]], list[Any]], *, at_once: int | None = None
) -> Iterator[tuple[Asked, Any]]:
    """Yield each value, and the answer to it; where it cannot be read, the error that says why.

    Args:
        asked: the values.
        predict: answers values, one each.
        at_once: how many are waited for before they are answered; None: as many as are answered well together.
    """
    values = iter(asked)
    while some := list(islice(values, at_once or _AT_ONCE)):
        try:
            answers = predict([one.value for one in some])
        except LimbeckError:
            answers = [_alone(one, predict) for one in some]
        yield from zip(some, answers, strict=True)


def _alone(one: Asked, predict: Callable[[list[Any]], list[Any]]) -> Any:
    try:
        with named_as(one.place or one.shown):
            return predict([one.value])[0]
    except LimbeckError as error:
        if error.where is None:  # of no value: something is not installed
            raise
        return error


@contextmanager
def named_as(place: str) -> Iterator[None]:
    """Let an error of the block be at this place: a reader that has seen a list of one value does not know where."""
    try:
        yield
    except LimbeckError as error:
        if error.where is None:
            raise
        raise LimbeckError(error.what, where=place, fix=error.fix) from error
