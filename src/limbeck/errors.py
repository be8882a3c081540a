"""The one error a user meets: what is wrong, where, and what to do."""

import difflib
import errno
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

_SHOWN, _COMPARED = 20, 2_000
_FEW = 3
_LONG = 1_500
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Controls, ends of lines, and halves of surrogate pairs."""
_NO_MEMORY = re.compile(
    "can(no|')t allocate memory|out of memory|bad.?alloc|failed to map segment|can't start new thread", re.IGNORECASE
)


class LimbeckError(Exception):
    """Bad input or a broken promise of the outside world; the command line prints it and exits with 2.

    Args:
        what: one sentence without a final full stop.
        where: the file, key or row that it is about.
        fix: what the reader can do now.
    """

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        return one_line(f"{line}; {self.fix}" if self.fix else line)


class DivergedError(LimbeckError):
    """A training whose loss or validation score is not finite."""


MODEL = "model"
"""Where an error is that is about a network, as long as nobody has said which key of the recipe names it."""


@contextmanager
def about(key: str) -> Iterator[None]:
    """Name the key of the recipe, such as `student.model`, in an error of the block that is about a network."""
    try:
        yield
    except LimbeckError as error:
        first, blank, rest = (error.where or "").partition(" ")
        if first != MODEL:
            raise
        raise LimbeckError(error.what, where=f"{key}{blank}{rest}", fix=error.fix) from error


class Faults:
    """The errors of many values, of which a reader of all wants to know at once."""

    def __init__(self) -> None:
        self._found: list[LimbeckError] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note an error of the block that says where it is; another one, as of what is not installed, is of all."""
        try:
            yield
        except LimbeckError as error:
            if error.where is None:
                raise
            self._found.append(error)

    def refuse(self) -> None:
        """Raise the error of the first place, which says how many others there are, and where some of them are."""
        if not self._found:
            return
        first, *others = sorted(self._found, key=_place)
        if not others:
            raise first
        places = [str(error.where) for error in others[:_FEW]]
        more = f" and {len(others) - _FEW:,} more" if others[_FEW:] else ""
        also = f"{len(others):,} more cannot be read: {', '.join(places)}{more}"
        raise LimbeckError(first.what, where=first.where, fix=f"{first.fix}; {also}" if first.fix else also)


def _place(error: LimbeckError) -> list[tuple[int, str]]:
    """Return what puts places into order, row 9 before row 10."""
    parts = re.split(r"(\d+)", error.where or "")
    return [(int(part) if part.isdecimal() else 0, part) for part in parts]


def unwritable(path: object, error: OSError) -> LimbeckError:
    """Return the error for a disk that does not take what is written to `path`."""
    if (short := short_of_memory(error)) is not None:
        return short
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return LimbeckError(
        f"cannot be written ({error.strerror or error})",
        where=str(path),
        fix="make room, and the same line continues"
        if full
        else "choose another folder, or ask for the right to write",
    )


def of_the_machine(error: BaseException) -> LimbeckError | None:
    """Return the line for memory or a file that the machine refused; None for another error."""
    if (short := short_of_memory(error)) is not None:
        return short
    if not isinstance(error, OSError):
        return None
    where = str(error.filename) if error.filename else None
    return LimbeckError(f"{error.strerror or error} (--debug shows where)", where=where)


def short_of_memory(error: BaseException) -> LimbeckError | None:
    """Return the line for an error that says, or was raised because, there is no more memory; None for another.

    Libraries say it in errors of their own: of a tensor, of a thread, of a library that cannot be loaded.
    """
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        if isinstance(cause, LimbeckError):
            return None
        if isinstance(cause, MemoryError) or _NO_MEMORY.search(str(cause)):
            return LimbeckError(
                "the machine gives no more memory",
                fix="raise its limit (ulimit -v, that of a container), or ask for less: a smaller batch_size, fewer "
                "--jobs; the same line continues",
            )
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__
    return None


def a(noun: str) -> str:
    """Return a noun with its article: `an image`, `a text`, `an OrderedDict`."""
    return f"{'an' if noun[:1] in 'aeiouAEIO' else 'a'} {noun}"


def one_line(text: str) -> str:
    """Return a text of the user's as one line that can be printed and read.

    What breaks it is escaped, as in Python; of a very long one the middle is left out.
    """
    if len(text) > _LONG:
        text = f"{text[: _LONG * 3 // 4]} [...] {text[-_LONG // 4 :]}"
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its kind where it says nothing."""
    try:
        said = str(error)
    except (Exception, SystemExit):  # of the user's own class
        said = ""
    return next(iter(said.strip().splitlines()), type(error).__name__)


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return a hint that names the closest valid name, or all of them (of many, the first) when none is close."""
    names = sorted(valid)
    # Of very many names, comparing each takes longer than reading the hint is worth.
    folded = {each.casefold(): each for each in reversed(names[:_COMPARED])}
    if close := difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6):
        return f"did you mean `{folded[close[0]]}`?"
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"valid: {', '.join(map(apart, names[:_SHOWN]))}{more}"


def apart(name: str) -> str:
    """Return a name as a list with commas shows it: in backticks where it holds one itself."""
    return f"`{name}`" if "," in name else name
