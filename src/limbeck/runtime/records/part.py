"""Some rows of a file, by column: what every form of file is read as, so that a file need not be held at once."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from limbeck.errors import LimbeckError
from limbeck.files import repeated

AT_ONCE = 1_000
"""Rows of a part, at most."""
BYTES = 1 << 24
"""Of a part's texts, about, at most: a thousand photos are gigabytes."""
Note = Callable[[str], None]
"""Is told a line of how a file is read, where that is not plain."""


def unsaid(line: str) -> None:
    """Say nothing of it."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows that follow each other.

    Attributes:
        names: the columns that the file has, as far as it has been read.
        cells: of each wanted column of these rows, a cell a row.
        rows: how many they are.
    """

    names: Collection[str]
    cells: dict[str, list[Any]]
    rows: int


class Wanted:
    """Which columns are wanted; of a path such as `review.body`, `review` is, as what holds the rest.

    Args:
        names: the columns; None: all.
    """

    def __init__(self, names: Iterable[str] | None) -> None:
        self._names = None if names is None else {base for name in names for base in bases(name)}

    def __contains__(self, name: str) -> bool:
        return self._names is None or name in self._names


def bases(name: str) -> list[str]:
    """Return a column's name, and what may hold it: `review` and `review.body`."""
    steps = name.split(".")
    return [".".join(steps[:end]) for end in range(1, len(steps) + 1)]


def refuse_repeated(names: Sequence[str], where: str) -> None:
    """Refuse columns of one name, of which a mapping would keep the last."""
    if (twice := repeated(names)) is not None:
        raise LimbeckError(f"two columns are named `{twice}`", where=where, fix="rename one of them")
