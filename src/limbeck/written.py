"""The record of what Limbeck wrote into a run's or a cache's folder: nothing else there is replaced or removed.

RUN/.limbeck/written.txt   says in its first line what the folder is; then `+ path` for each file that is written and
                           `- path` for each that was removed; the last line about a path holds
"""

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from limbeck.errors import LimbeckError, unwritable

FOLDER = ".limbeck"
"""Name of the folder in a run's folder that holds what Limbeck knows about it."""
RECORD = "written.txt"
HEADER, CACHE_HEADER = "limbeck run, format 1", "limbeck cache, format 1"


@dataclass(frozen=True)
class Written:
    """The record of a run's folder.

    Several processes may add to it at a time: a line is one write to the end of the file.

    Args:
        run: the run's folder, or that of a cache outside of any run.
    """

    run: Path

    @property
    def path(self) -> Path:
        """The record's file."""
        return self.run / FOLDER / RECORD

    def begin(self, header: str = HEADER) -> None:
        """Make the record of a new folder, or go on with the one that is there.

        Args:
            header: says what the folder is.

        Raises:
            LimbeckError: it is damaged, or the disk does not take it.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            content = self.path.read_bytes() if self.path.is_file() else b""
            whole = content[: content.rfind(b"\n") + 1]  # a power cut may have left half a line
            if not whole:
                self.path.write_text(f"{header}\n", encoding="utf-8")
            elif whole != content:
                self.path.write_bytes(whole)
        except OSError as error:
            raise unwritable(self.path, error) from error
        self.files()

    def files(self) -> set[str]:
        """Return the files that Limbeck wrote and did not remove, as paths relative to the run's folder.

        Raises:
            LimbeckError: the record is damaged.
        """
        try:
            text = self.path.read_bytes().decode("utf-8", "surrogateescape")
        except OSError as error:
            raise self._damaged(f"cannot be read ({error.strerror})") from None
        lines = text.split("\n")[:-1]
        if lines[:1] not in ([HEADER], [CACHE_HEADER]):
            raise self._damaged("it begins with another line")
        found: dict[str, str] = {}
        for number, line in enumerate(lines[1:], 2):
            sign, path = line[:2], line[2:]
            if sign not in ("+ ", "- ") or not path:
                raise self._damaged(f"line {number} is no path")
            found[path] = sign
        return {path for path, sign in found.items() if sign == "+ "}

    def name(self, path: Path) -> str:
        """Return a path as it stands in the record."""
        return _absolute(path).relative_to(_absolute(self.run)).as_posix()

    def holds(self, path: Path) -> bool:
        """Return whether Limbeck wrote this file."""
        return self.name(path) in self.files()

    def below(self, folder: Path) -> list[Path]:
        """Return the files on record in a folder and its subfolders."""
        start = f"{self.name(folder)}/"
        return [folder / name.removeprefix(start) for name in sorted(self.files()) if name.startswith(start)]

    def add(self, paths: Iterable[Path]) -> None:
        """Put files on record, before they get their names.

        Raises:
            LimbeckError: the disk does not take it, or the record is damaged.
        """
        known = self.files()
        self._append("+", [name for name in map(self.name, paths) if name not in known])

    def drop(self, paths: Iterable[Path]) -> None:
        """Take files off the record, after they were removed.

        Raises:
            LimbeckError: the disk does not take it.
        """
        self._append("-", map(self.name, paths))

    def _append(self, sign: str, names: Iterable[str]) -> None:
        lines = "".join(f"{sign} {name}\n" for name in names).encode("utf-8", "surrogateescape")
        if not lines:
            return
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND)
            try:
                if os.write(handle, lines) < len(lines):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise unwritable(self.path, error) from error

    def _damaged(self, why: str) -> LimbeckError:
        return LimbeckError(
            f"damaged: not the record of what a run wrote ({why})",
            where=str(self.path),
            fix="nothing there is touched without it: give --out a new folder",
        )


def record_of(path: Path) -> Written | None:
    """Return the record of the run's folder that holds a path; None where no run's folder does."""
    for folder in _absolute(path).parents:
        if (folder / FOLDER / RECORD).is_file():
            return Written(folder)
    return None


def _absolute(path: Path) -> Path:
    """Return a path from the root, with its links as they are: a folder that is one still lies in its run."""
    return Path(os.path.abspath(path))
