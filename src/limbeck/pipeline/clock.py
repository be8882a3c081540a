"""How long the stages of a run took, over all its sessions."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from limbeck.console import heading, watched
from limbeck.errors import LimbeckError
from limbeck.files import write_json
from limbeck.ranks import ranks

FILE = "seconds.json"
_SAVE_EVERY_S = 10.0
_SECONDS: TypeAdapter[dict[str, float]] = TypeAdapter(dict[str, float])
_running: list["Clock"] = []


class Clock:
    """Announces stages and adds up how long each takes, in a file of the run's folder, so that sessions add up too.

    From `keep` on, the file is written at the end of a stage, however it ends, and meanwhile every 10 s in which some
    work moves on: a session that is killed loses no more. A file that cannot be read or written is no reason to stop.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._seconds: dict[str, float] = {}
        with suppress(OSError, ValidationError):
            self._seconds = _SECONDS.validate_json(self._path.read_bytes())
        self._name, self._since, self._keeping = "", 0.0, False

    def keep(self) -> None:
        """Write the file from now on: a recipe that is refused before leaves the one of the folder's last run."""
        self._keeping = True

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time a stage while the block runs."""
        heading(name)
        self._name, self._since = name, time.monotonic()
        _running.append(self)
        try:
            with watched(self._save_now_and_then):
                yield
        finally:
            _running.remove(self)
            self._save()

    def seconds(self, names: list[str]) -> dict[str, float]:
        """Return the wall time of those stages that have been timed, up to now."""
        self._count()
        return {name: self._seconds[name] for name in names if name in self._seconds}

    def take_off(self, seconds: float) -> None:
        """Leave out of the stage at work what an earlier session spent on a result that is not kept."""
        self._seconds[self._name] = max(0.0, self._seconds.get(self._name, 0.0) - seconds)

    def _count(self) -> None:
        now = time.monotonic()
        self._seconds[self._name] = self._seconds.get(self._name, 0.0) + now - self._since
        self._since = now

    def _save_now_and_then(self) -> None:
        if time.monotonic() - self._since > _SAVE_EVERY_S:
            self._save()

    def _save(self) -> None:
        self._count()
        if self._keeping and ranks().main:
            with suppress(LimbeckError):
                write_json(self._path, self._seconds)


def take_off(seconds: float) -> None:
    """Tell the clock, where one runs, of work that is done again; see `Clock.take_off`."""
    for clock in _running:
        clock.take_off(seconds)
