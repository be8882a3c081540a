"""Ctrl-C that cannot get lost.

An extension module that it meets at work may swallow the KeyboardInterrupt, or raise an error of its own instead. So it
is noted, and raised again where something is printed or counted.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_noted: list[int] = []


@contextmanager
def noted() -> Iterator[None]:
    """Note every Ctrl-C while the block runs."""
    _noted.clear()
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # ignored, as in a shell's background
        yield
        return
    signal.signal(signal.SIGINT, _note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def seen() -> bool:
    """Return True when somebody typed Ctrl-C since the last `noted` block began."""
    return bool(_noted)


def raise_if_seen() -> None:
    """Raise the KeyboardInterrupt again that has not ended the program."""
    if _noted:
        raise KeyboardInterrupt


def _note(number: int, frame: FrameType | None) -> None:
    _noted.append(number)
    signal.default_int_handler(number, frame)
