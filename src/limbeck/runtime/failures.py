"""Failures of the libraries that a student runs with, in one line."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from limbeck.errors import LimbeckError, first_line

ANEW = "copy the bundle again, or export it anew"
_PREAMBLE = re.compile(
    r"\[ONNXRuntimeError\] : \d+ : \w+ : (Load model from \S+ failed:)?(\S+\.(cc|h):\d+ (.*?\) (?=[A-Z]))?)?"
)
"""What onnxruntime puts before a reason: it names the file, which the line names anyway, and a function of its own."""


@contextmanager
def in_words(what: str, *, where: str, fix: str) -> Iterator[None]:
    """Turn whatever a library raises in the block into an error of one line.

    A panic of a library in Rust is no `Exception`, but a `BaseException`.

    Args:
        what: went wrong; the library's own reason follows in brackets.
        where: the file.
        fix: what to do.

    Raises:
        LimbeckError: the block failed.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except LimbeckError as error:
        if error.where is not None:
            raise
        raise LimbeckError(error.what, where=where, fix=error.fix) from error
    except BaseException as error:
        raise failed(what, error, where=where, fix=fix) from error


def failed(what: str, error: BaseException, *, where: str, fix: str) -> LimbeckError:
    """Return the error of one line for what a library raised; the arguments are those of `in_words`."""
    reason = f"{type(error).__name__}: {_PREAMBLE.sub('', first_line(error))}"
    return LimbeckError(f"{what} ({reason})", where=where, fix=fix)


@contextmanager
def no_backtrace() -> Iterator[None]:
    """Drop what the block writes to standard error where it fails: a library in Rust prints a panic, then raises it."""
    with tempfile.TemporaryFile() as held:
        try:
            before = os.dup(2)
        except OSError:  # closed: nobody reads it
            yield
            return
        os.dup2(held.fileno(), 2)
        written = b""
        try:
            yield
            held.seek(0)
            written = held.read()
        finally:
            os.dup2(before, 2)
            os.close(before)
            with suppress(OSError):
                os.write(2, written)
