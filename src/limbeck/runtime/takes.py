"""What `limbeck predict` is given, and the values that a student is asked for: files here, texts in `textfiles`.

Values come one after the other, and are answered as they come: what is given may be larger than memory.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, Self

from limbeck.errors import LimbeckError
from limbeck.files import files_below, not_read
from limbeck.runtime.records import STDIN, SUFFIXES, Note, suffix_of, unsaid

_SHOWN = 20
_AT_ONCE = 256
"""Values that are read and answered together: files are not all held in memory."""
_ARRAYS = ".npz"
FILE, ROW = "file", "row"
"""Under what a record says which value it answers: the file, and its row there, from 1."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One value that a student is asked for.

    Attributes:
        shown: how a line names it.
        value: what the reader encodes; where it cannot be read, the error that says why.
        place: where it was read, for errors; empty: `shown` says it.
        source: how a record names it: `FILE` of a file with one value, `ROW` of a file with rows, and `FILE` too where
            several files are given; of texts, each by the name of its column.
    """

    shown: str
    value: Any
    place: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)


class Takes(Protocol):
    """How the arguments of a command become values."""

    def asked(self, given: Sequence[str], columns: Sequence[str] = (), note: Note = unsaid) -> Iterator[Asked]:
        """Return the values, in order, which are read as they are asked for.

        Args:
            given: the arguments; none: standard input.
            columns: those with the value, where a file has columns; none: nobody has named them.
            note: is told a line of what is passed over, and of how a file is read.

        Of several arguments, one that cannot be read has its error among the values of the others, see `of_each`.

        Raises:
            LimbeckError: a column is named where there is none, or an argument alone is not there or cannot hold such
                values; once a value is asked for, that it cannot be read.
        """
        ...

    def trained_on(self, columns: Sequence[str]) -> Self:
        """Return the same where the examples of the training stood in columns of these names."""
        ...


def of_each(given: Sequence[str], of: Callable[[str], Iterator[Asked]]) -> Iterator[Asked]:
    """Yield the values of each argument; of several, the error of one that cannot be read stands in its place.

    Args:
        given: the arguments.
        of: returns the values of one.

    Raises:
        LimbeckError: an argument alone cannot be read; or something is not installed.
    """
    return of(given[0]) if len(given) == 1 else (one for each in given for one in or_error(each, of))


def or_error(given: str, of: Callable[[str], Iterator[Asked]]) -> Iterator[Asked]:
    """Yield the values of an argument, and the error that ends them where it cannot be read to its end."""
    try:
        yield from of(given)
    except LimbeckError as error:
        if error.where is None:  # of no file: something is not installed
            raise
        yield Asked(given, error, source={FILE: given})


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
        return of_each(given, lambda each: map(_file, self._files(Path(each), note)))

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


def _file(path: Path) -> Asked:
    return Asked(str(path), str(path), source={FILE: str(path)})


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
        read = [one for one in some if not isinstance(one.value, LimbeckError)]
        answers = iter(_answers(read, predict))
        yield from ((one, one.value if isinstance(one.value, LimbeckError) else next(answers)) for one in some)


def _answers(some: Sequence[Asked], predict: Callable[[list[Any]], list[Any]]) -> list[Any]:
    if not some:
        return []
    try:
        return predict([one.value for one in some])
    except LimbeckError:
        return [_alone(one, predict) for one in some]


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
