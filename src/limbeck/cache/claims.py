"""Which rows of a cache are being labelled: processes that write one cache pass by what another one has claimed.

FOLDER/.locks/manifest       held while the manifest is read, changed and written
FOLDER/.locks/shard-00003    held by whoever labels the rows of that shard; says their ids, 8 bytes each

The lock of the manifest is held for moments, but for a sealing. Claims are made and given back while it is held.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from limbeck.console import say
from limbeck.locks import FOLDER, Holder, Lock, content_of, holder_of, is_held, locked, take

_MANIFEST = "manifest"
_NAME = re.compile(r"shard-(\d{5,})")


@dataclass(frozen=True, slots=True)
class Claim:
    """Rows that somebody labels.

    Attributes:
        path: of the lock.
        number: of the shard that will hold their answers.
        ids: (rows,) int64 content ids.
        holder: who it is, as far as it says so.
    """

    path: Path
    number: int
    ids: NDArray[np.int64]
    holder: Holder | None

    @property
    def held(self) -> bool:
        """Whether it is still claimed."""
        return is_held(self.path)


@dataclass(frozen=True, slots=True)
class OwnClaim:
    """Rows that nobody else labels until it is released.

    Attributes:
        number: of the shard that will hold their answers.
        lock: that the others see.
    """

    number: int
    lock: Lock

    def release(self) -> None:
        """Leave the rows to others; once is enough."""
        self.lock.release()


@contextmanager
def manifest_held(folder: Path) -> Iterator[None]:
    """Hold the lock of a cache's manifest while the block runs.

    Raises:
        LimbeckError: the folder cannot be written, or its disk knows no locks.
    """

    def waiting(holder: Holder | None) -> None:
        say(f"  {folder}: waiting for {holder or 'another process'}, which writes the manifest")

    with locked(folder, _MANIFEST, waiting):
        yield


def claim(folder: Path, ids: NDArray[np.int64], others: Sequence[Claim], last: int) -> OwnClaim:
    """Claim rows that nobody else has claimed, while the lock of the manifest is held.

    Args:
        folder: of the cache.
        ids: of the rows.
        others: every claim, see `claims_in`.
        last: the largest number of a shard in the manifest, or -1.
    """
    number = 1 + max([last, *(other.number for other in others)])
    lock = take(folder, f"shard-{number:05d}", np.ascontiguousarray(ids, np.int64).tobytes())
    assert lock is not None  # nobody makes claims beside the lock of the manifest
    return OwnClaim(number, lock)


def claims_in(folder: Path) -> list[Claim]:
    """Return what is claimed in a cache, by number."""
    return [each for each in _every(folder) if each.held]


def swept(folder: Path) -> list[Claim]:
    """Return the same, and remove what killed processes left, while the lock of the manifest is held."""
    found = []
    for each in _every(folder):
        if each.held:
            found.append(each)
        else:
            with suppress(OSError):
                each.path.unlink()
    return found


def left_over(folder: Path) -> bool:
    """Return whether somebody holds a lock of a cache, or was killed while holding one."""
    return (folder / FOLDER).exists()


def _every(folder: Path) -> list[Claim]:
    with suppress(FileNotFoundError):
        names = sorted(path for path in (folder / FOLDER).iterdir() if _NAME.fullmatch(path.name))
        return [Claim(path, int(path.name.partition("-")[2]), _ids(path), holder_of(path)) for path in names]
    return []


def _ids(path: Path) -> NDArray[np.int64]:
    content = content_of(path)
    return np.frombuffer(content[: len(content) // 8 * 8], np.int64)
