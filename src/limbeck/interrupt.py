"""Ctrl-C and SIGTERM that cannot get lost.

An extension module that one meets at work may swallow the KeyboardInterrupt, or raise an error of its own instead. So
it is noted, and raised again where something is printed or counted.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_USUAL = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
"""What Python does at first; another handler is somebody's choice, as that of a shell that starts in the background."""
_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
_noted: list[int] = []


@contextmanager
def noted() -> Iterator[None]:
    """Note every Ctrl-C and SIGTERM while the block runs; both raise KeyboardInterrupt."""
    _noted.clear()
    ours = [number for number, usual in _USUAL.items() if signal.getsignal(number) == usual]
    for number in ours:
        signal.signal(number, _note)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, _USUAL[number])


def seen() -> bool:
    """Return True when a signal came since the last `noted` block began."""
    return bool(_noted)


def code() -> int:
    """Return the exit code that shells know a process by that the first signal ended; Ctrl-C's where none was noted."""
    return 128 + (_noted[0] if _noted else signal.SIGINT)


def word() -> str:
    """Return what the first signal did: `interrupted` or `terminated`."""
    return _WORDS[signal.Signals(code() - 128)]


def forget() -> None:
    """Forget the signals that came: something else is the reason of the end."""
    _noted.clear()


def raise_if_seen() -> None:
    """Raise the KeyboardInterrupt again that has not ended the program."""
    if _noted:
        raise KeyboardInterrupt


def _note(number: int, frame: FrameType | None) -> None:
    _noted.append(number)
    raise KeyboardInterrupt
