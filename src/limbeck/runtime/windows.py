"""A long sound, answered piece by piece."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from limbeck.errors import LimbeckError
from limbeck.runtime.readers import Reader
from limbeck.runtime.takes import FILE, Asked, answered

_KEY = "--hop"


class Unheard:
    """Counts the sounds of which most is not heard.

    Args:
        reader: of the student.
    """

    def __init__(self, reader: Reader) -> None:
        self._much_longer = getattr(reader, "much_longer", None)
        self._heard = getattr(reader, "seconds", 0.0)
        self._count, self._first = 0, ""

    def of(self, asked: Iterable[Asked]) -> Iterator[Asked]:
        """Yield all of them."""
        for one in asked:
            read = not isinstance(one.value, LimbeckError)
            if read and self._much_longer is not None and self._much_longer(one.value):
                self._count, self._first = self._count + 1, self._first or one.shown
            yield one

    @property
    def said(self) -> str:
        """The line that counts them; empty where there are none."""
        if not self._count:
            return ""
        are = "s are" if self._count > 1 else " is"
        return (
            f"{self._count:,} sound{are} more than twice as long as the {self._heard:g} s that the student hears, such "
            f"as {self._first}; {_KEY} SECONDS answers piece by piece"
        )


def answered_by_window(
    asked: Iterable[Asked], reader: Reader, predict: Callable[[list[Any]], list[Any]], hop: float
) -> Iterator[tuple[Asked, Any]]:
    """Yield each piece of each value, and the answer to it; an error in the place of a value's pieces.

    A piece is shown as a media fragment (W3C 2012): `long.wav#t=0.5,1.5` are its seconds.

    Args:
        asked: the values.
        reader: of the student.
        predict: answers values, one each.
        hop: seconds from the beginning of a piece to that of the next one.

    Raises:
        LimbeckError: the student reads what has no pieces, or the hop is none.
    """
    windows = getattr(reader, "windows", None)
    if windows is None:
        raise LimbeckError(
            f"only sounds have pieces, and this student reads another kind ({reader.kind})",
            where=_KEY,
            fix="leave it out",
        )
    for one in asked:
        if isinstance(one.value, LimbeckError):
            yield one, one.value
            continue
        try:
            pieces = windows(one.value, hop)
        except ValueError as error:
            raise LimbeckError(str(error), where=_KEY, fix="give seconds, such as 0.5") from None
        except LimbeckError as error:
            if error.where is None:  # of no value: something is not installed
                raise
            yield one, error
            continue
        shown = [f"{one.shown}#t={piece.start:g},{piece.end:g}" for piece in pieces]
        some = [Asked(each, piece.sound, source={FILE: each}) for each, piece in zip(shown, pieces, strict=True)]
        yield from answered(some, predict)
