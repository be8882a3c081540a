"""The rows that a labelling has to ask for, some at a time: those that no other process labels or has labelled."""

import time
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from limbeck.cache.claims import Claim, OwnClaim
from limbeck.cache.store import CachedTeacher
from limbeck.console import moved_on, say
from limbeck.data.lookup import among
from limbeck.locks import PATIENT_S, POLL_S


class WorkList:
    """Rows without an answer, which are claimed before they are asked for.

    What another process has claimed comes again at the end: it waits for that process, and takes what it left when it
    ended before its time. Used in a `with` block, at whose end nothing is claimed.

    Args:
        cache: that is written.
        ids: content ids of all rows.
        rows: numbers of those to ask for, in their order; each of another id.
        size: how many are claimed at once.
        title: of the labelling, for what is said.

    Attributes:
        claim: of the rows that were taken last.
        elsewhere: how many of the rows other processes have labelled.
    """

    def __init__(
        self, cache: CachedTeacher, ids: NDArray[np.int64], rows: NDArray[np.int64], size: int, title: str
    ) -> None:
        self._cache, self._ids, self._size, self._title = cache, ids, size, title
        self._left, self._later = rows, rows[:0]
        self._known = cache.news
        self.claim: OwnClaim | None = None
        self.elsewhere = 0

    def __enter__(self) -> Self:
        folder = self._cache.folder
        self._missing = [each for each in (folder, *folder.parents) if not each.exists()]
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        if self.claim is not None:
            self.claim.release()
        with suppress(OSError):  # something is in it
            for each in self._missing:
                each.rmdir()

    def take(self) -> NDArray[np.int64]:
        """Claim the next rows, and return their numbers; none where every row has an answer.

        Raises:
            LimbeckError: the folder cannot be written, or its disk knows no locks.
        """
        while len(self._left) or len(self._later):
            with self._cache.changing() as claims:
                rows = self._free(claims)
                if len(rows):
                    self.claim = self._cache.claim(self._ids[rows], claims)
                    return rows
            self._wait([each for each in claims if among(self._ids[self._left], each.ids).any()])
        return self._left

    def _free(self, claims: Sequence[Claim]) -> NDArray[np.int64]:
        """Return the next rows that nobody has claimed or labelled."""
        claimed = np.concatenate([each.ids for each in claims]) if claims else self._ids[:0]
        for _ in range(2):  # what had been claimed comes after all others
            found, count = [self._left[:0]], 0
            while count < self._size and len(self._left):
                some, self._left = np.split(self._left, [self._size - count])
                if self._cache.news != self._known:
                    missing = self._cache.missing(self._ids[some])
                    self.elsewhere += int((~missing).sum())
                    some = some[missing]
                taken = among(self._ids[some], claimed)
                self._later = np.concatenate([self._later, some[taken]])
                found.append(some[~taken])
                count += len(found[-1])
            if count:
                return np.concatenate(found)
            self._left, self._later = self._later, self._later[:0]
        return self._left[:0]

    def _wait(self, claims: Sequence[Claim]) -> None:
        """Return when somebody who has claimed rows of ours has labelled them, or has ended."""
        began, told = time.monotonic(), False
        while claims and all(each.held for each in claims):
            if not told and time.monotonic() - began > PATIENT_S:
                rows = int(sum(among(self._ids[self._left], each.ids).sum() for each in claims))
                who = ", ".join(sorted({str(each.holder or "another process") for each in claims}))
                say(f"  {self._title}: waiting for {who}, which labels {rows:,} of these rows")
                told = True
            moved_on()
            time.sleep(POLL_S)
