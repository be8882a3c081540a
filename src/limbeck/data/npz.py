"""What the headers of an npz file claim, before memory is taken for it."""

import io
import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from limbeck.errors import LimbeckError

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_HEADER = 1 << 17
"""Bytes in which an array's header has to end: it may claim to have 4 GiB itself."""
_ALWAYS, _RATIO = 1 << 28, 100
"""Bytes that the arrays of a file may take in any case, and how many times the file's size: compression shrinks zeros a
thousand times, pictures and numbers some ten times."""


def require_modest(opened: IO[bytes], path: Path) -> None:
    """Refuse an archive whose arrays claim far more than a file of its size holds; it is at its start again then.

    Args:
        opened: the archive.
        path: where it lies.

    Raises:
        LimbeckError: they do.
        ValueError, RuntimeError, zipfile.BadZipFile, zlib.error: it is no archive of arrays.
    """
    claimed = 0
    with zipfile.ZipFile(opened) as archive:
        for name in archive.namelist():
            with archive.open(name) as member:
                start = io.BytesIO(member.read(_HEADER))
            version = np.lib.format.read_magic(start)
            if version not in _HEADERS:
                raise ValueError(f"`{name}` is of format {version[0]}.{version[1]}")
            shape, _, dtype = _HEADERS[version](start)
            # Rows become a list, also where nothing is in them.
            claimed += max(math.prod(shape) * dtype.itemsize, 8 * math.prod(shape[:1]))
    opened.seek(0)
    limit = max(_ALWAYS, _RATIO * path.stat().st_size)
    if claimed > limit:
        raise LimbeckError(
            f"its arrays claim {claimed:,} bytes, and {limit:,} are read of a file of this size",
            where=str(path),
            fix="write them with numpy.savez, uncompressed, if they are what you want",
        )
