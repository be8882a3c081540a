"""Locks on a folder, kept by the operating system: one process or thread holds one at a time, and none outlives it.

FOLDER/.locks/NAME     is there while somebody holds the lock, or was killed while holding it; says who that is
"""

import errno
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from limbeck.errors import LimbeckError, unwritable

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

FOLDER = ".locks"
POLL_S = 0.05
"""Between two looks at a lock that somebody else holds: the system's own waiting could not be interrupted."""
PATIENT_S = 1.0
"""How long somebody waits before it is said."""
_TRIES = 1000
_TAKEN = {errno.EAGAIN, errno.EACCES, errno.EDEADLK}
_BYTE = 1 << 40
"""The byte that Windows locks: nobody can read what is locked there."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock.

    Attributes:
        host: name of the machine.
        pid: number of the process there.
        since: when it took the lock.
    """

    host: str
    pid: int
    since: str

    @classmethod
    def me(cls) -> Self:
        """Return this process."""
        return cls(platform.node(), os.getpid(), datetime.now(UTC).isoformat(timespec="seconds"))

    def __str__(self) -> str:
        return f"process {self.pid}" if self.host == platform.node() else f"process {self.pid} on {self.host}"


@dataclass(slots=True)
class Lock:
    """A lock that is held.

    Attributes:
        path: of its file.
        handle: of its file, which is open as long as the lock is held; None: it is held no more.
    """

    path: Path
    handle: int | None

    def release(self) -> None:
        """Let go of the lock, and remove its file, and the folder when no other lock is in it."""
        if self.handle is None:
            return
        with suppress(OSError):
            if sys.platform != "win32" and _is_at(self.handle, self.path):  # while it is held
                os.unlink(self.path)
        os.close(self.handle)
        self.handle = None
        with suppress(OSError):
            if sys.platform == "win32":  # which removes no file that is open
                os.unlink(self.path)
        with suppress(OSError):
            os.rmdir(self.path.parent)  # the last one's


def take(folder: Path, name: str, content: bytes = b"") -> Lock | None:
    """Take a lock, or return None where somebody else holds it.

    Args:
        folder: that the lock is on; made where there is none.
        name: of the lock.
        content: stands in its file, behind a line that says who holds it.

    Raises:
        LimbeckError: the folder cannot be written, or its disk knows no locks.
    """
    path = folder / FOLDER / name
    try:
        for _ in range(_TRIES):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            except (FileNotFoundError, FileExistsError):
                continue  # another process has removed the folder this moment
            ours = False
            try:
                if not _locked(handle, path, alone=True):
                    return None
                if _is_at(handle, path):  # else it was released, and its file removed, before it was ours
                    os.ftruncate(handle, 0)
                    os.write(handle, json.dumps(asdict(Holder.me())).encode() + b"\n" + content)
                    ours = True
                    return Lock(path, handle)
            finally:
                if not ours:
                    os.close(handle)
    except OSError as error:
        raise unwritable(path, error) from error
    raise unwritable(path, OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)))


@contextmanager
def locked(folder: Path, name: str, waiting: Callable[[Holder | None], None] = lambda holder: None) -> Iterator[None]:
    """Hold a lock while the block runs; wait for it where somebody else holds it.

    Args:
        folder: that the lock is on; made where there is none.
        name: of the lock.
        waiting: called with the holder, once, when it takes longer than a second.

    Raises:
        LimbeckError: see `take`.
    """
    began, told = time.monotonic(), False
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    while (lock := take(folder, name)) is None:
        if not told and time.monotonic() - began > PATIENT_S:
            waiting(holder_of(folder / FOLDER / name))
            told = True
        time.sleep(POLL_S)
    try:
        yield
    finally:
        lock.release()
        with suppress(OSError):  # something is in it
            for each in missing:
                each.rmdir()


def is_held(path: Path) -> bool:
    """Return whether somebody holds the lock of a file; False also where there is no such file."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _locked(handle, path, alone=False)
    finally:
        os.close(handle)


def holder_of(path: Path) -> Holder | None:
    """Return who holds the lock of a file, as it says; None where it does not."""
    with suppress(OSError, ValueError, TypeError):
        return Holder(**json.loads(path.read_bytes().partition(b"\n")[0]))
    return None


def content_of(path: Path) -> bytes:
    """Return what `take` wrote into the file of a lock; empty where it is gone."""
    with suppress(OSError):
        return path.read_bytes().partition(b"\n")[2]
    return b""


def _is_at(handle: int, path: Path) -> bool:
    """Return whether an open file still has its name."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _locked(handle: int, path: Path, *, alone: bool) -> bool:
    """Lock an open file without waiting; return False where somebody else holds it.

    Raises:
        LimbeckError: its disk knows no locks.
    """
    try:
        if sys.platform == "win32":
            os.lseek(handle, _BYTE, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            os.lseek(handle, 0, os.SEEK_SET)
        else:
            fcntl.flock(handle, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise LimbeckError(
            f"cannot be locked ({error.strerror or error}), and several processes may write there",
            where=str(path.parent.parent),
            fix="give cache.path a folder on a disk that has locks, or leave it null",
        ) from error
    return True
