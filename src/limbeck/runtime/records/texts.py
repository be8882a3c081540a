"""Text files as they are brought: UTF-8 or, by its mark, UTF-16; packed with gzip or not; and standard input."""

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO, cast

from limbeck.errors import LimbeckError, first_line
from limbeck.files import as_utf8, named_path, not_utf8

STDIN = "-"
PACKED = ".gz"
_MARKS = {b"\xff\xfe\x00\x00": "utf-32", b"\x00\x00\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_START = 256
"""Bytes in which a sign of another encoding is looked for."""
_MOST, _LARGE = 300, 1 << 28
"""A packed file of text has a tenth of its size; one that has 1/300, and unpacks to more than 256 MB, is a trap."""


def suffix_of(path: str | Path) -> str:
    """Return the suffix of a file in lower case, without that of its packing: `.csv` of `rows.csv.gz`."""
    return Path(_unpacked(path)).suffix.lower()


def stem_of(path: Path) -> str:
    """Return the name of a file without its suffixes: `train` of `train.csv.gz`."""
    return Path(_unpacked(path.name)).stem


def _unpacked(path: str | Path) -> str:
    name = str(path)
    return name[: -len(PACKED)] if name.lower().endswith(PACKED) else name


def place_of(file: str | Path) -> str:
    """Return what a file is called in an error."""
    return "standard input" if str(file) == STDIN else str(file)


def require_readable(path: Path, forms: str) -> None:
    """Refuse a pipe or a device, which may have no end, and a path that can be none.

    Args:
        path: what is to be opened.
        forms: what may be given instead.

    Raises:
        LimbeckError: it is such.
    """
    named_path(path)
    if path.exists() and not path.is_file() and not path.is_dir():
        raise LimbeckError("no file, but a pipe or a device", where=str(path), fix=f"give {forms}; `-` reads a pipe")


@contextmanager
def opened(file: str | Path, forms: str) -> Iterator[TextIO]:
    """Yield the text of a file, its ends of lines as they are; `-` is standard input, in UTF-8 whatever the locale.

    Args:
        file: its path.
        forms: what may be given instead, for errors.

    Raises:
        LimbeckError: it cannot be read, is no text, or unpacks to far more than a text has.
    """
    where = place_of(file)
    if str(file) != STDIN:
        require_readable(Path(file), forms)
    try:
        with _bytes(file) as raw:
            encoding = _encoding(raw)
            if encoding == "utf-8-sig" and b"\0" in raw.peek(_START)[:_START]:
                told = "NUL bytes, which no text has in UTF-8: it may be UTF-16 without a mark"
                raise LimbeckError(told, where=where, fix="save it as UTF-8")
            text = io.TextIOWrapper(cast("IO[bytes]", raw), encoding=encoding, newline="")
            try:
                yield text
            finally:
                text.detach()  # who opened the bytes closes them: standard input stays open
    except UnicodeError:
        if str(file) == STDIN or str(file).lower().endswith(PACKED):  # whose text is not there to look at
            raise LimbeckError("not UTF-8", where=where, fix=as_utf8(Path(_unpacked(file)))) from None
        raise not_utf8(Path(file)) from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise LimbeckError(
            f"not readable as gzip ({first_line(error)})", where=where, fix="pack it again, or give it unpacked"
        ) from None
    except OSError as error:
        raise LimbeckError(
            f"cannot be read ({error.strerror or first_line(error)})", where=where, fix=f"give {forms}"
        ) from None


def whole_text(file: str | Path) -> str:
    """Return what a text file says, without blanks at its ends.

    Raises:
        LimbeckError: see `opened`.
    """
    with opened(file, "a text file") as lines:
        return lines.read().strip()


def encoding_of(path: Path) -> str:
    """Return the encoding that a file's mark names, `utf-8` where it has none."""
    with _bytes(path) as raw:
        return _encoding(raw).removesuffix("-sig")


@contextmanager
def _bytes(file: str | Path) -> Iterator[io.BufferedReader]:
    if str(file) == STDIN:
        if sys.stdin is None:  # closed by who started this
            raise LimbeckError("it is closed", where=place_of(file), fix="give a file, or pipe something in")
        raw = cast("io.RawIOBase", sys.stdin.buffer)
        yield cast("io.BufferedReader", raw if hasattr(raw, "peek") else io.BufferedReader(raw))
        return
    with Path(file).open("rb") as raw:
        if not str(file).lower().endswith(PACKED):
            yield raw
            return
        with io.BufferedReader(_Unpacked(raw, place_of(file))) as unpacked:
            yield cast("io.BufferedReader", unpacked)


def _encoding(raw: io.BufferedReader) -> str:
    start = raw.peek(4)[:4]
    return next((name for mark, name in _MARKS.items() if start.startswith(mark)), "utf-8-sig")


class _Unpacked(io.RawIOBase):
    """What a gzip file holds, within limits.

    Args:
        raw: the packed file.
        where: what it is called in errors.
    """

    def __init__(self, raw: io.BufferedReader, where: str) -> None:
        self._raw, self._where, self._given = raw, where, 0
        self._file = gzip.GzipFile(fileobj=raw)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # pyrefly: ignore[bad-override]
        """Fill a buffer, and return how many bytes are in it.

        Raises:
            LimbeckError: so much was unpacked from so little that it is no text.
        """
        found = self._file.read(len(buffer))
        buffer[: len(found)] = found
        self._given += len(found)
        if self._given > max(_LARGE, _MOST * self._raw.tell()):
            raise LimbeckError(
                f"unpacks to more than {_MOST} times its size, which no file of rows does",
                where=self._where,
                fix="look at what it holds, and give it unpacked",
            )
        return len(found)
