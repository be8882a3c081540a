"""Other processes of this machine: whether one is there, how it ended, how to end with it; and what memory one has."""

import ctypes
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from limbeck.errors import LimbeckError

LEAST_ADDRESSES = 2 << 30
"""Bytes of address space of a run on a few rows, most of it libraries: 1.9 GB on one thread, 2.0 GB on ten."""
_PR_SET_PDEATHSIG = 1
_STORE_S = 10.0
"""How long the launcher's store may take to answer."""
_TRIES, _PAUSE_S = 3, 0.2


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


@cache
def end_with_launcher() -> None:
    """Kill this process when the `torchrun` or `accelerate launch` that started it ends; else do nothing.

    A launcher that had ended before this was asked is known by the store that it kept.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return
    launcher = os.getppid()
    end_with(launcher, lambda: _wait_for(launcher))
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True" and not _store_there():
        os.write(2, b"error: the store of torchrun cannot be reached: it has ended\n")
        os._exit(1)


def store_reachable() -> bool:
    """Return whether the store that the processes of a run share is there.

    It is asked by a connection of our own, since torch's prints its own stack.
    """
    with suppress(OSError, KeyError, ValueError):
        address = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
        with socket.create_connection(address, timeout=_STORE_S):
            return True
    return False


def _store_there() -> bool:
    """Return whether the store answers, of some tries: a busy one may refuse."""
    for _ in range(_TRIES):
        if store_reachable():
            return True
        time.sleep(_PAUSE_S)
    return False


def _wait_for(process: int) -> None:
    while os.getppid() == process:
        time.sleep(1.0)


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
