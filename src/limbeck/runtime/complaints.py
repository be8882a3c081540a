"""What decoders say besides: lines that a C library writes to standard error and goes on, and Pillow's warnings."""

import os
import re
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType

_LINE = re.compile(rb"\S+: .*\.")
_WARNING = re.compile(rb"\S+: Warning, ")
_LOCK = threading.Lock()


@contextmanager
def complaints(expected: bool) -> Iterator[list[str]]:
    """Yield a list that holds, when the block has ended, the errors that libtiff wrote meanwhile.

    Warnings are dropped. What others write to standard error meanwhile is written there at the end. One block runs at
    a time, as all threads share standard error.

    Args:
        expected: whether libtiff is at work at all; if not, nothing is done.
    """
    found: list[str] = []
    if not expected:
        yield found
        return
    with _LOCK, tempfile.TemporaryFile() as held:
        try:
            before = os.dup(2)
        except OSError:  # closed: nobody reads it
            yield found
            return
        os.dup2(held.fileno(), 2)
        try:
            yield found
        finally:
            os.dup2(before, 2)
            os.close(before)
            held.seek(0)
            for line in held.read().splitlines(keepends=True):
                if not _LINE.fullmatch(line.strip()):
                    with suppress(OSError):
                        os.write(2, line)
                elif not _WARNING.match(line):
                    found.append(line.decode("utf-8", "replace").strip())


class Silence:
    """Ignores what a decoder warns of, while at least one thread is decoding.

    `warnings.catch_warnings` changes what all threads share: entered by two that leave in another order, it would leave
    the filters of the one behind.
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._caught = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._caught = warnings.catch_warnings()
                self._caught.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL|limbeck\.runtime\.pictures")
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._caught.__exit__(kind, error, trace)
