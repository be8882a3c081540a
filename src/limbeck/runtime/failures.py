"""Failures of the libraries that a student runs with, in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

from limbeck.errors import LimbeckError, first_line

ANEW = "copy the bundle again, or export it anew"


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
        raise LimbeckError(f"{what} ({type(error).__name__}: {first_line(error)})", where=where, fix=fix) from error
