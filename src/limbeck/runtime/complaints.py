"""What a C library writes to standard error by itself, caught: of a damaged file it says so there, and goes on."""

import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

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
