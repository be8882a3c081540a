"""What `limbeck predict` is given, and the values that a student is asked for: lines of text, or files."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from limbeck.errors import LimbeckError
from limbeck.files import files_below, not_read, not_utf8
from limbeck.runtime.records import FORMS, SUFFIXES, records, require_readable

_SHOWN = 20
_AT_ONCE = 256
"""Values that are read and answered together: files are not all held in memory."""


Note = Callable[[str], None]


def _unsaid(line: str) -> None:
    """Say nothing of it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One value that a student is asked for.

    Attributes:
        shown: how an answer names it.
        value: what the reader encodes.
        place: where it was read, for errors; empty: `shown` says it.
    """

    shown: str
    value: Any
    place: str = ""


class Takes(Protocol):
    """How the arguments of a command become values.

    Attributes:
        key: what `--json` calls the value beside its answer.
    """

    key: ClassVar[str]

    def asked(self, given: Sequence[str], column: str | None = None, note: Note = _unsaid) -> list[Asked]:
        """Return the values, in order.

        Args:
            given: the arguments; none: standard input.
            column: that with the values, where a file has columns; None: nobody has named it.
            note: is told a line of what is passed over.

        Raises:
            LimbeckError: one of them is not there or cannot be read, or none holds such a value.
        """
        ...

    def trained_on(self, column: str) -> Self:
        """Return the same where the examples of the training stood in a column of this name."""
        ...


@dataclass(frozen=True, slots=True)
class Lines:
    """Text files, one text a line, and a column of files that have columns; `-` is standard input, one text a line.

    Attributes:
        column: what that of the training was called.
    """

    key: ClassVar[str] = "text"
    column: str = key

    def trained_on(self, column: str) -> "Lines":
        """Return lines whose column is looked for under this name first."""
        return Lines(column)

    def asked(self, given: Sequence[str], column: str | None = None, note: Note = _unsaid) -> list[Asked]:
        """Return every line without its end; of a file with columns every text of one.

        Where nobody names it, that is the one called as in the training, else that which is called `text`. Empty texts
        are among them, see `with_content`.
        """
        found: list[Asked] = []
        for file in given or ["-"]:
            if Path(file).suffix.lower() in SUFFIXES:
                found += _cells(file, [self.column, self.key] if column is None else [column])
            elif column is not None:
                raise LimbeckError(
                    f"--column={column}, and lines of text have no columns",
                    where="standard input" if file == "-" else file,
                    fix=f"leave it out, or give {FORMS}",
                )
            else:
                where = "standard input" if file == "-" else file
                found += [
                    Asked(text, text, f"{where}, line {number}")
                    for number, line in enumerate(_lines(file), 1)
                    for text in [line.rstrip("\r\n")]
                ]
        return found


def _cells(file: str, columns: Sequence[str]) -> list[Asked]:
    """Return the texts of the first of these columns that is there; an empty one where a row has none."""
    rows = list(records(file))
    held = {name: None for row in rows for name in row}
    column = next((name for name in columns if name in held), columns[0])
    if rows and column not in held:
        raise LimbeckError(
            f"no column `{column}`",
            where=file,
            fix=f"set --column to one of: {', '.join(list(held)[:_SHOWN])}; or give lines of text as a .txt file",
        )
    found = []
    for number, row in enumerate(rows, 1):
        text, place = "" if row.get(column) is None else row[column], f"{file}, row {number}"
        if not isinstance(text, str):
            raise LimbeckError(
                f"column `{column}` has a value of type {type(text).__name__}, where a text belongs",
                where=place,
                fix="set --column to the column with the text",
            )
        found.append(Asked(text, text, place))
    return found


def no_column(why: str) -> LimbeckError:
    """Return the error for a column that is named where none can be."""
    return LimbeckError(why, where="--column", fix="leave it out")


def _lines(file: str) -> list[str]:
    path = None if file == "-" else Path(file)
    if path:
        require_readable(path, "a file, one text a line")
    try:
        with path.open(encoding="utf-8") if path else sys.stdin as lines:
            return list(lines)
    except OSError as error:
        raise LimbeckError(
            f"cannot be read ({error.strerror})",
            where=str(path or "standard input"),
            fix="give a file, one text a line",
        ) from None
    except UnicodeDecodeError:
        raise not_utf8(path) if path else LimbeckError("not UTF-8", where="standard input") from None


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

    def trained_on(self, column: str) -> "Files":
        """Return itself: files have no columns."""
        return self

    def asked(self, given: Sequence[str], column: str | None = None, note: Note = _unsaid) -> list[Asked]:
        """Return the paths of the files; those of a folder however deep, in the order of their paths.

        Files of a folder that end with something else are noted.
        """
        if column is not None:
            raise no_column(f"files of {self.noun}s have no columns")
        if not given:
            raise LimbeckError(f"no {self.noun} is given", fix=f"name files or folders of {self.noun}s")
        return [Asked(str(path), str(path)) for each in given for path in self._files(Path(each), note)]

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
        suffix, lines = path.suffix.lower(), str(path) == "-"
        if not lines and suffix not in SUFFIXES:
            return
        held = "standard input" if lines else f"the rows of a {suffix} file"
        raise LimbeckError(
            f"{held} cannot be read as {self.noun}s, only files that are {self.noun}s",
            where=str(path),
            fix="name these, or folders of them; what rows hold (paths, bytes, arrays) is asked for in Python: "
            "limbeck.load(...).predict([...])",
        )


def with_content(asked: Sequence[Asked]) -> tuple[list[Asked], str]:
    """Return the values that hold something, and the line that counts the others; empty where there are none.

    A blank text, such as a file's last line, has no answer: a model gives one all the same.
    """
    kept = [one for one in asked if not _is_blank(one)]
    count, first = len(asked) - len(kept), next(filter(_is_blank, asked), None)
    if first is None:
        return kept, ""
    return kept, f"left out: {count:,} empty text{'s' * (count != 1)}, the first in {first.place}"


def _is_blank(one: Asked) -> bool:
    return isinstance(one.value, str) and not one.value.strip()


def answered(asked: Sequence[Asked], predict: Callable[[list[Any]], list[Any]]) -> Iterator[tuple[str, Any]]:
    """Yield each value as it is shown, and the answer to it; where it cannot be read, the error that says why.

    Args:
        asked: the values.
        predict: answers values, one each.
    """
    for start in range(0, len(asked), _AT_ONCE):
        some = asked[start : start + _AT_ONCE]
        try:
            answers = predict([one.value for one in some])
        except LimbeckError:
            answers = [_alone(one, predict) for one in some]
        yield from zip([one.shown for one in some], answers, strict=True)


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
