"""A long sound, answered piece by piece."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from limbeck.errors import LimbeckError
from limbeck.runtime.readers import Reader
from limbeck.runtime.takes import Asked, answered

_KEY = "--hop"


def unheard(asked: Sequence[Asked], reader: Reader) -> str:
    """Return the line that counts the sounds of which most is not heard; empty where there are none.

    Args:
        asked: the values.
        reader: of the student.
    """
    much_longer = getattr(reader, "much_longer", None)
    cut = [one for one in asked if much_longer(one.value)] if much_longer else []
    if not cut:
        return ""
    heard, are = getattr(reader, "seconds", 0.0), "s are" if len(cut) > 1 else " is"
    return (
        f"{len(cut):,} sound{are} more than twice as long as the {heard:g} s that the student hears, such as "
        f"{cut[0].shown}; {_KEY} SECONDS answers piece by piece"
    )


def answered_by_window(
    asked: Sequence[Asked], reader: Reader, predict: Callable[[list[Any]], list[Any]], hop: float
) -> Iterator[tuple[str, Any]]:
    """Yield each piece of each value as it is shown, and the answer to it; an error in the place of a value's pieces.

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
            f"this student reads {reader.kind}, and only a sound has pieces", where=_KEY, fix="leave it out"
        )
    for one in asked:
        try:
            pieces = windows(one.value, hop)
        except ValueError as error:
            raise LimbeckError(str(error), where=_KEY, fix="give seconds, such as 0.5") from None
        except LimbeckError as error:
            if error.where is None:  # of no value: something is not installed
                raise
            yield one.shown, error
            continue
        some = [Asked(f"{one.shown}#t={piece.start:g},{piece.end:g}", piece.sound) for piece in pieces]
        yield from answered(some, predict)
