"""How long the stages of a run took, in wall and in processor time, over all its sessions."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from limbeck.console import heading, watched
from limbeck.errors import LimbeckError
from limbeck.files import write_json
from limbeck.ranks import ranks

FILE = "seconds.json"
RECORD = "stage.json"
"""What stands in the folder of a stage that has begun; see `stage`."""
_SAVE_EVERY_S = 10.0
_running: list["Clock"] = []


class Spent(NamedTuple):
    """Wall seconds, and processor seconds of this process and of those that it waited for."""

    wall: float = 0.0
    cpu: float = 0.0

    def plus(self, other: "Spent", sign: int = 1) -> "Spent":
        """Return the sum, or with `sign` -1 the difference, at least 0."""
        return Spent(max(0.0, self.wall + sign * other.wall), max(0.0, self.cpu + sign * other.cpu))


def now() -> Spent:
    """Return a reading of both clocks; differences of two readings count."""
    return Spent(time.monotonic(), sum(os.times()[:4]))


class _Entry(NamedTuple):
    """The time of a stage on record.

    Attributes:
        wall: see `Spent`.
        cpu: see `Spent`.
        of: names the run that it was spent on.
    """

    wall: float = 0.0
    cpu: float = 0.0
    of: str = ""


_ENTRIES: TypeAdapter[dict[str, _Entry]] = TypeAdapter(dict[str, _Entry])


class Clock:
    """Announces stages and adds up how long each takes, in a file of the run's folder, so that sessions add up too.

    Sessions add up as long as they are of one run: what an earlier, different run in the folder took is left out, but
    for that of its stages that are reused. From `keep` on, the file is written at the end of a stage, however it ends,
    and meanwhile every 10 s in which some work moves on: a session that is killed loses no more. A file that cannot be
    read or written is no reason to stop.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._before: dict[str, _Entry] = {}
        with suppress(OSError, ValidationError):
            self._before = _ENTRIES.validate_json(self._path.read_bytes())
        # Of stages that were finished when the session began: the seconds of one that it finishes are counted anyway.
        self._finished = {path.parent.resolve() for path in folder.rglob(RECORD)}
        self._spent: dict[str, Spent] = {}
        self._reused: dict[str, Spent] = {}
        self._name, self._since, self._of, self._keeping = "", Spent(), "", False

    def keep(self, of: str) -> None:
        """Write the file from now on: a recipe that is refused before leaves the one of the folder's last run.

        Args:
            of: names the run, by all that its result depends on.
        """
        self._of, self._keeping = of, True

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time a stage while the block runs."""
        heading(name)
        self._name, self._since = name, now()
        _running.append(self)
        try:
            with watched(self._save_now_and_then):
                yield
        finally:
            _running.remove(self)
            self._save()

    def spent(self, names: list[str]) -> dict[str, Spent]:
        """Return the time of those stages that have been timed, up to now."""
        self._count()
        known = self._spent.keys() | {name for name, entry in self._before.items() if entry.of == self._of}
        return {name: self._total(name) for name in names if name in known}

    def take_off(self, spent: Spent) -> None:
        """Leave out of the stage at work what an earlier session spent on a result that is not kept."""
        if (entry := self._before.get(self._name)) is not None:
            left = Spent(entry.wall, entry.cpu).plus(spent, -1)
            self._before[self._name] = _Entry(left.wall, left.cpu, entry.of)

    def reuse(self, folder: Path, spent: Spent) -> None:
        """Count in the stage at work what an earlier run in the run's folder spent on a result that is kept."""
        if (found := folder.resolve()) in self._finished:
            self._finished.remove(found)
            self._reused[self._name] = self._reused.get(self._name, Spent()).plus(spent)

    def _total(self, name: str) -> Spent:
        entry = self._before.get(name)
        if entry is None or entry.of != self._of:
            before = self._reused.get(name, Spent())
        else:
            before = Spent(entry.wall, entry.cpu)
        return self._spent.get(name, Spent()).plus(before)

    def _count(self) -> None:
        reading = now()
        self._spent[self._name] = self._spent.get(self._name, Spent()).plus(reading.plus(self._since, -1))
        self._since = reading

    def _save_now_and_then(self) -> None:
        if time.monotonic() - self._since.wall > _SAVE_EVERY_S:
            self._save()

    def _save(self) -> None:
        self._count()
        if self._keeping and ranks().main:
            own = {name: _Entry(*self._total(name), self._of) for name in self._spent}
            with suppress(LimbeckError):
                write_json(self._path, self._before | own)


def take_off(spent: Spent) -> None:
    """Tell the clock, where one runs, of work that is done again; see `Clock.take_off`."""
    for clock in _running:
        clock.take_off(spent)


def reuse(folder: Path, spent: Spent) -> None:
    """Tell the clock, where one runs, of work that is not done again; see `Clock.reuse`."""
    for clock in _running:
        clock.reuse(folder, spent)
