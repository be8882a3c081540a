"""Other processes of this machine: whether one is there, how it ended, how to end with it; and what memory one has."""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from limbeck.errors import LimbeckError

LEAST_ADDRESSES = 2 << 30
"""Bytes of address space of a run on a few rows, most of it libraries: 1.9 GB on one thread, 2.0 GB on ten."""
_PR_SET_PDEATHSIG = 1


def started(pid: int) -> str:
    """Return what tells a process of this machine from others that have had its number; empty where nothing does.

    It is empty for a process that has ended and waits for its parent to notice, too.
    """
    # The name of the program stands in brackets and may hold anything; see proc(5) for the fields behind it.
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *fields = text.rpartition(")")[2].split() or ["X"]
    return "" if state in "ZX" else fields[18]


def alive(pid: int, since: str = "") -> bool:
    """Return whether a process of this machine is there, or True where that cannot be asked.

    Args:
        pid: its number.
        since: what `started` has said of it; empty: nothing, and any process of that number will do.
    """
    if os.name != "posix":
        return True  # Windows would end the process that is asked
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return not since or started(pid) == since


def end_with(parent: int, ended: Callable[[], object]) -> None:
    """Kill this process when its parent ends, however that happens.

    The system does it where it can (Linux), at once. Everywhere a thread waits, and is late where the interpreter is
    held.

    Args:
        parent: the number of the process that started this one.
        ended: returns when that one has ended.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def follow() -> None:
        ended()
        os._exit(1)

    if os.getppid() != parent:  # it has ended before the system was asked
        os._exit(1)
    threading.Thread(target=follow, daemon=True).start()


def how_it_ended(code: int) -> str:
    """Return the end of a process in words: `was killed (SIGKILL)` of code -9, `ended with code 3`."""
    if code < 0:
        with suppress(ValueError):
            return f"was killed ({signal.Signals(-code).name})"
    return f"ended with code {code}"


def require_addresses() -> None:
    """Refuse a limit of address space that no run fits in: libraries would hang or abort when it is reached.

    Raises:
        LimbeckError: the limit is below `LEAST_ADDRESSES`.
    """
    if sys.platform == "win32":
        return
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY and limit < LEAST_ADDRESSES:
        raise LimbeckError(
            f"this process may have {limit / 1e9:.1f} GB of address space, and the smallest run takes "
            f"{LEAST_ADDRESSES / 1e9:.1f} GB",
            where="ulimit -v",
            fix="raise it: ulimit -v unlimited",
        )
