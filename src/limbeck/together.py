"""How several processes that train one network end: all of them, in one line that one of them says."""

import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import torch.distributed as dist

from limbeck import interrupt
from limbeck.errors import LimbeckError
from limbeck.processes import alive, end_with_launcher, started, store_reachable
from limbeck.ranks import Ranks, ranks

_ASKED = timedelta(seconds=10)
"""How long the launcher's store may take to answer."""
_NOTICED_S = 2.0
"""A connection breaks a moment before its process counts as ended."""
_OTHERS_SAY_IT = 2


@dataclass(frozen=True)
class _Peer:
    """A process of the run, as others look for it.

    Attributes:
        host: name of its machine.
        pid: its number there.
        since: see `processes.started`.
    """

    host: str
    pid: int
    since: str

    @property
    def gone(self) -> bool:
        """True where it is known to have ended; of another machine nothing is known."""
        return self.host == platform.node() and not alive(self.pid, self.since)


@contextmanager
def ending_together() -> Iterator[None]:
    """Run a block in all processes of the run; where it ends in one of them, it ends in all.

    Raises:
        LimbeckError: of the block, or that names the process that ended; in one process.
        SystemExit: in the others, which have nothing to add.
    """
    us = ranks()
    if us.world == 1:
        yield
        return
    end_with_launcher()  # where no command has done it
    peers = us.gather(_Peer(platform.node(), os.getpid(), started(os.getpid())))
    words = _Words(us, peers)
    try:
        yield
    except KeyboardInterrupt as error:
        if (line := words.why_stopped()) is None:
            raise
        raise line from error
    except Exception as error:
        line = error if isinstance(error, LimbeckError) else None
        if line is None and _of_the_group(error):
            line = words.why_lost()
        if not words.mine():
            raise SystemExit(_OTHERS_SAY_IT) from error
        if line is None or line is error:
            raise
        raise line from error


class _Words:
    """What is said at the end, by whom: whoever asks the launcher's store first.

    Args:
        us: the processes.
        peers: all of them, by rank.
    """

    def __init__(self, us: Ranks, peers: Sequence[_Peer]) -> None:
        self._us, self._peers = us, peers
        store = dist.TCPStore(
            os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), None, is_master=False, timeout=_ASKED
        )
        # A launcher may start its processes again, and keeps its store.
        self._store = dist.PrefixStore(f"limbeck/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)

    def mine(self) -> bool:
        """Return whether this process is the one that speaks."""
        with suppress(dist.DistError):
            if store_reachable():
                return self._store.add("spoken", 1) == 1
        # Rank 0 held the store, and has ended: the first of those that are left.
        return self._us.rank == min(rank for rank, peer in enumerate(self._peers) if not peer.gone)

    def why_lost(self) -> LimbeckError:
        """Return the line for a connection that broke, which names the process that ended where that is known."""
        until = time.monotonic() + _NOTICED_S
        while not (gone := {*self._gone(), *self._left()}) and time.monotonic() < until:
            time.sleep(0.01)
        return self._ended(sorted(gone))

    def why_stopped(self) -> LimbeckError | None:
        """Return the line where a signal follows from another process's end; None where people sent it.

        A launcher ends the others when one has ended. Where people end the launcher, each process says that it leaves.
        """
        if not store_reachable():
            return None
        with suppress(dist.DistError):
            self._store.set(f"left/{self._us.rank}", "")
        gone = sorted({*self._gone()} - {*self._left()})
        if not gone or not self.mine():
            return None
        interrupt.forget()
        return self._ended(gone)

    def _gone(self) -> list[int]:
        return [rank for rank, peer in enumerate(self._peers) if peer.gone]

    def _left(self) -> list[int]:
        """Return who has said that it leaves."""
        with suppress(dist.DistError):
            if store_reachable():
                return [rank for rank in range(self._us.world) if self._store.check([f"left/{rank}"])]
        return []

    def _ended(self, gone: Sequence[int]) -> LimbeckError:
        who = ", ".join(f"rank {rank} (process {self._peers[rank].pid})" for rank in gone)
        return LimbeckError(
            f"{who or 'another one'} of {self._us.world} processes ended before the run did",
            fix="what it printed says why (where it printed nothing, it was killed, as for memory); the same line, "
            "with its launcher, continues where the run stopped",
        )


def _of_the_group(error: Exception) -> bool:
    """Return whether an error is about the connection to other processes."""
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))
