"""A stage writes one folder and is skipped when what it depends on is unchanged."""

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from limbeck.console import say
from limbeck.digest import digest
from limbeck.files import read_json, write_json
from limbeck.ranks import ranks

_RECORD = "stage.json"


class Stage:
    """One stage of a run. Of several processes only the first one changes its folder.

    Args:
        folder: what it writes; whatever an earlier, different run of the stage left there is removed first.
        inputs: everything that its result depends on, by a name that a reader understands.
        quiet: do not print that it was reused.
    """

    def __init__(self, folder: Path, inputs: Mapping[str, Any], *, quiet: bool = False) -> None:
        self.folder = folder
        self._inputs = {name: digest(value) for name, value in inputs.items()}
        self.digest = digest(self._inputs)
        self.seconds = 0.0
        old = _read(folder / _RECORD)
        self.done = bool(old) and old.get("inputs") == self._inputs and bool(old.get("complete"))
        if self.done:
            self.seconds = float(old["seconds"])
            if not quiet:
                say(f"  {folder.name}: unchanged, reused")
        elif old and old.get("inputs") != self._inputs:
            known = old.get("inputs", {})
            changed = [name for name, value in self._inputs.items() if known.get(name) != value]
            say(f"  {folder.name}: {', '.join(changed) or 'inputs'} changed, done again")
            self._clear()
        elif folder.is_dir() and not old:
            self._clear()

    @contextmanager
    def working(self) -> Iterator[Path]:
        """Yield the folder to write into; the stage is complete when the block succeeds."""
        self._record(complete=False)
        start = time.monotonic()
        yield self.folder
        self.seconds = time.monotonic() - start
        self._record(complete=True)

    def _record(self, *, complete: bool) -> None:
        if ranks().main:
            record = {"inputs": self._inputs, "complete": complete, "seconds": self.seconds}
            write_json(self.folder / _RECORD, record)

    def _clear(self) -> None:
        if ranks().main:
            # The record goes first: a removal that is killed must not leave it beside files that are gone.
            (self.folder / _RECORD).unlink(missing_ok=True)
            shutil.rmtree(self.folder)


def _read(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}
