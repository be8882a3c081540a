"""A run's folder belongs to Limbeck, and to one run at a time; a cache outside of it to any number of runs.

RUN/.limbeck/lock-HOST-PID-START.json   of each process that is at work on the run, or was killed at it: who it is
CACHE/.limbeck/.locks/run-HOST-PID-N    of each run that uses the cache; see `limbeck.locks`

A process puts its own lock there and then looks for others. So of two that start at once at least one sees the other,
and no lock is ever taken away from anybody: the name of a lock is that of one process, and it is removed only when that
process is no more.
"""

import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from limbeck.errors import LimbeckError, unwritable
from limbeck.files import remove, require_ours
from limbeck.locks import FOLDER as LOCKS, Lock, is_held, locked, take
from limbeck.processes import alive, started
from limbeck.ranks import ranks
from limbeck.written import CACHE_HEADER, FOLDER, HEADER, RECORD, Written

LOG = "train.log"
"""What a run prints is added to this file of its folder."""


@dataclass(frozen=True)
class FolderKind:
    """What a folder is claimed as.

    Attributes:
        name: in words.
        header: the first line of its record.
        key: what names another folder.
    """

    name: str
    header: str
    key: str


RUN = FolderKind("a run", HEADER, "--out")
CACHE = FolderKind("a cache", CACHE_HEADER, "cache.path")

_BEGIN, _USED = "begin", "run"
"""Locks in a cache's folder: of whoever begins or ends to use it, and of each run that does."""

_held: set[Path] = set()


class _Holder(BaseModel):
    """The process that a lock stands for.

    Attributes:
        host: name of its machine.
        space: in which its number counts: that of its container, where it can be had.
        pid: its number there.
        boot: names the time since its machine was started, where that can be had.
        started: when it began, in the machine's own terms, where they can be had. Numbers are used again.
        since: when it took the lock, for people.
        command: its command line, for people.
    """

    model_config = ConfigDict(frozen=True)

    host: str
    space: str
    pid: Annotated[int, Field(gt=0, lt=1 << 31)]
    boot: str
    started: str
    since: str
    command: str

    def elsewhere(self, me: "_Holder") -> bool:
        """Return whether this process cannot be asked for from mine."""
        return self.host != me.host or (self.boot == me.boot and self.space != me.space)

    def alive(self, me: "_Holder") -> bool:
        """Return whether it is still there, when it is of my machine."""
        return (os.name != "posix" or self.boot == me.boot) and alive(self.pid, self.started)


@contextmanager
def claimed(out: Path, command: str) -> Iterator[None]:
    """Hold a run's folder for the processes of this run while the block runs.

    Args:
        out: a run's folder, an empty one, or none yet.
        command: what is at work there, for whoever is refused.

    Raises:
        LimbeckError: something else is there; another run is at work; or the folder cannot be written.
    """
    us, lock = ranks(), None
    missing = [folder for folder in (out, *out.parents) if not folder.exists()]
    refused: LimbeckError | None = None
    try:
        if us.main:
            try:
                require_place(out)
                lock = _take(out / FOLDER, command)
                Written(out).begin()
                require_ours(out / LOG)
            except LimbeckError as error:
                refused = error
        refused = us.share(refused)
        if refused is not None:
            raise refused
        yield
    except LimbeckError:
        if lock is not None:
            _take_back(out)
        raise
    finally:
        if lock is not None:
            _leave_nothing(out, lock.name)
            _held.discard(lock)
            with suppress(OSError):
                lock.unlink()
            with suppress(OSError):  # something is in it
                for folder in (out / FOLDER, *missing):
                    folder.rmdir()


@contextmanager
def shared(folder: Path) -> Iterator[None]:
    """Use the folder of a cache while the block runs, beside other runs that use it.

    Args:
        folder: a cache's, an empty one, or none yet.

    Raises:
        LimbeckError: something else is there, or the folder cannot be written or locked.
    """
    us, lock, inner = ranks(), None, folder / FOLDER
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    refused: LimbeckError | None = None
    try:
        if us.main:
            try:
                require_place(folder, CACHE)
                with locked(inner, _BEGIN):
                    _begin_shared(folder)
                    lock = _use(inner)
            except LimbeckError as error:
                refused = error
        refused = us.share(refused)
        if refused is not None:
            raise refused
        yield
    finally:
        if lock is not None:
            with suppress(LimbeckError), locked(inner, _BEGIN):
                lock.release()
                if not _used(inner):
                    _leave_nothing(folder, LOCKS)
            lock.release()
            with suppress(OSError):  # something is in it
                for each in (inner, *missing):
                    each.rmdir()


def _begin_shared(folder: Path) -> None:
    """Make or read the record of a cache's folder; what a power cut left of it is mended when nobody else uses it."""
    record = Written(folder)
    if _used(folder / FOLDER):
        record.files()
    else:
        record.begin(CACHE.header)


def _use(inner: Path) -> Lock:
    """Take a lock of this run's own, beside those of others."""
    host = re.sub(r"[^\w-]", "_", platform.node())
    for number in count():
        if (lock := take(inner, f"{_USED}-{host}-{os.getpid()}-{number}")) is not None:
            return lock
    raise AssertionError("numbers have no end")


def _used(inner: Path) -> bool:
    """Return whether a run uses the cache, within the lock of its beginning; what killed runs left is removed."""
    found = False
    for path in sorted((inner / LOCKS).glob(f"{_USED}-*")):
        if is_held(path):
            found = True
        else:
            path.unlink(missing_ok=True)
    return found


def _take_back(out: Path) -> None:
    """Remove what a run that was refused wrote, where no run in the folder was accepted: none has a log then."""
    record = Written(out)
    with suppress(OSError, LimbeckError):
        if (files := record.files()) and not record.holds(out / LOG):
            for name in {file.partition("/")[0] for file in files}:
                remove(out / name)


def _leave_nothing(out: Path, lock: str) -> None:
    """Remove the record of a folder in which nothing was written, while a lock of that name keeps others out of it."""
    with suppress(OSError):
        others = [path for path in out.iterdir() if path.name != FOLDER]
        others += [path for path in (out / FOLDER).iterdir() if path.name not in (RECORD, lock)]
        if not others:
            Written(out).path.unlink()


def require_place(out: Path, kind: FolderKind = RUN) -> None:
    """Refuse a folder that holds anything and is none of that kind.

    Raises:
        LimbeckError: something else is there.
    """
    record = out / FOLDER / RECORD
    if record.is_file() and record.stat().st_size:
        others = [other.header for other in (RUN, CACHE) if other is not kind]
        fits = _read(str(record)).partition("\n")[0] not in others
    else:
        fits = not out.exists() or (out.is_dir() and all(path.name == FOLDER for path in out.iterdir()))
    if not fits:
        raise LimbeckError(
            f"something else than {kind.name} is there", where=str(out), fix=f"give {kind.key} a new folder"
        )


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _me(command: str) -> _Holder:
    space = ""
    with suppress(OSError):
        space = str(Path("/proc/self/ns/pid").readlink())
    return _Holder(
        host=platform.node(),
        space=space,
        pid=os.getpid(),
        boot=_read("/proc/sys/kernel/random/boot_id"),
        started=started(os.getpid()),
        since=datetime.now(UTC).isoformat(timespec="seconds"),
        command=command,
    )


def _take(folder: Path, command: str) -> Path:
    """Put a lock of this process into a folder; return it."""
    me = _me(command)
    name = re.sub(r"[^\w-]", "_", f"lock-{me.host}-{me.pid}-{me.started or 0}")
    lock = folder.resolve() / f"{name}.json"  # one name, however the run's folder is reached
    if lock in _held:
        raise _at_work(me, lock)
    aside = lock.with_suffix(".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside.write_text(me.model_dump_json() + "\n", encoding="utf-8")
        aside.replace(lock)
    except OSError as error:
        raise unwritable(lock, error) from error
    try:
        _require_nobody_else(folder, lock, me)
    except BaseException:
        lock.unlink(missing_ok=True)
        raise
    _held.add(lock)
    return lock


def _require_nobody_else(folder: Path, mine: Path, me: _Holder) -> None:
    """Refuse where another process is at work; remove the locks of those that were killed."""
    for path in sorted(folder.glob("lock-*.json")):
        if path.name == mine.name:
            continue
        try:
            holder = _Holder.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            continue  # it has ended this moment
        except (OSError, ValidationError):
            raise LimbeckError("damaged: no lock of a run", where=str(path), fix=_if_nobody(path)) from None
        elsewhere = holder.elsewhere(me)
        if elsewhere or holder.alive(me):
            raise _at_work(holder, path, elsewhere=elsewhere, sure=not elsewhere and bool(holder.started))
        path.unlink(missing_ok=True)


def _at_work(holder: _Holder, lock: Path, *, elsewhere: bool = False, sure: bool = True) -> LimbeckError:
    """Return the error for a folder that is held; who is not sure to be at work has a lock that people may remove."""
    where = f" on {holder.host}" if elsewhere else ""
    return LimbeckError(
        f"a run is at work in this folder since {holder.since}: process {holder.pid}{where}, {holder.command}",
        where=str(lock.parent.parent),
        fix=f"wait for its end, or give {RUN.key} another folder" if sure else _if_nobody(lock),
    )


def _if_nobody(lock: Path) -> str:
    return f"if no run is at work there any more, delete {lock}"
