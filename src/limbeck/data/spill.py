"""Cells of a column on disk, in a file without a name."""

import mmap
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any

import numpy as np

from limbeck import assets
from limbeck.data.held import Held
from limbeck.errors import LimbeckError

LARGE = 1 << 28
"""Bytes of a file from which on its long cells are left on disk, and of an array from which on it is."""
_LONG = 64
"""Bytes of a cell, on average, below which a column stays in memory: an object of Python takes as many."""
_NOTHING, _TEXT, _BYTES = range(3)


def are_long(cells: Sequence[Any]) -> bool:
    """Return whether cells are so long that a column of them belongs on disk: texts, or the bytes of files."""
    sizes = [len(content) for cell in cells if isinstance(content := _content(cell), str | bytes)]
    return sum(sizes) > _LONG * max(1, len(cells))


def _content(cell: Any) -> Any:
    """Return the bytes of a cell as the hub has it, `{bytes, path}`; of any other one the cell itself."""
    if isinstance(cell, Mapping) and cell.keys() == {"bytes", "path"} and isinstance(cell["bytes"], bytes):
        return cell["bytes"]
    return cell


class Aside:
    """A file without a name, in the user's cache folder: it is gone with this process, however that ends.

    Raises:
        LimbeckError: the folder cannot be written to.
    """

    def __init__(self) -> None:
        self._folder = assets.cache_folder()
        with self._room():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - see `__del__`

    def __del__(self) -> None:
        if file := getattr(self, "_file", None):
            file.close()

    def write(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Add bytes.

        Raises:
            LimbeckError: the disk is full.
        """
        with self._room():
            self._file.writelines(pieces)

    def mapped(self) -> mmap.mmap | bytes:
        """Return all of it, mapped into memory; nobody can write to it.

        Raises:
            LimbeckError: the disk is full.
        """
        with self._room():
            self._file.flush()
            return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) if self._file.tell() else b""

    @contextmanager
    def _room(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise LimbeckError(
                f"rows that do not fit into memory cannot be laid aside ({error.strerror})",
                where=str(self._folder),
                fix="make room, or set LIMBECK_CACHE to a folder on a larger disk",
            ) from None


class Spill:
    """Takes the cells of a column, and lays texts and bytes on disk; anything else stays in memory."""

    def __init__(self) -> None:
        self._aside = Aside()
        self._ends, self._kinds, self._others = array("q", [0]), bytearray(), dict[int, Any]()

    def __len__(self) -> int:
        return len(self._kinds)

    def extend(self, cells: Iterable[Any]) -> None:
        """Add cells.

        Raises:
            LimbeckError: the disk is full.
        """
        written = []
        for cell in cells:
            content, kind = _content(cell), _NOTHING
            if isinstance(content, str):
                content, kind = content.encode("utf-8", "surrogatepass"), _TEXT
            elif isinstance(content, bytes):
                kind = _BYTES
            if content is not cell and kind == _BYTES:
                self._others[len(self._kinds)] = cell["path"]
            elif kind == _NOTHING and cell is not None:
                self._others[len(self._kinds)] = cell
            size = len(content) if kind else 0
            written += [content] if size else []
            self._ends.append(self._ends[-1] + size)
            self._kinds.append(kind)
        self._aside.write(written)

    def done(self) -> Held:
        """Return the cells."""
        # A view into the map is as good as bytes, and takes none of the memory that a process has to keep.
        return Held([_Spilled(memoryview(self._aside.mapped()), self._ends, self._kinds, self._others)])


class _Spilled(Sequence[Any]):
    def __init__(self, content: memoryview, ends: array, kinds: bytearray, others: Mapping[int, Any]) -> None:
        self._ends = np.frombuffer(ends, np.int64)
        self._bytes, self._kinds, self._others = content, kinds, others

    def __len__(self) -> int:
        return len(self._kinds)

    def __getitem__(self, row: Any) -> Any:
        """Return a text as it was; bytes as a view that nobody can write to."""
        kind = self._kinds[row]
        if kind == _NOTHING:
            return self._others.get(row)
        content = self._bytes[self._ends[row] : self._ends[row + 1]]
        if kind == _TEXT:
            return str(content, "utf-8", "surrogatepass")
        return {"bytes": content, "path": self._others[row]} if row in self._others else content
