"""Readers: from an example's value to a network's input arrays, in numpy; the same object trains and serves."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from numpy.typing import NDArray

from limbeck.errors import a
from limbeck.runtime.rows import Rows
from limbeck.runtime.takes import Takes


def require_list(values: Any, expected: str, *, of_frame: str = "give one column of it") -> None:
    """Refuse what is no sequence of values: a text, bytes, a set, a generator, None, a data frame.

    Args:
        values: what a reader was given; sequences are lists, arrays, columns of data frames and the like.
        expected: what it reads, a sentence.
        of_frame: what to give in the place of a data frame.

    Raises:
        TypeError: it is none.
    """
    listed = hasattr(values, "__len__") and hasattr(values, "__getitem__") and hasattr(values, "__iter__")
    if not listed or isinstance(values, str | bytes | bytearray | memoryview) or not getattr(values, "ndim", 1):
        raise TypeError(f"{expected}, not a value of type {type(values).__name__}")
    require_no_frame(values, expected, of_frame)


def require_no_frame(values: Any, expected: str, of_frame: str = "give one column of it") -> None:
    """Refuse a data frame: to whoever goes through it, it is a list of its columns' names, and these are texts.

    Raises:
        TypeError: it is one.
    """
    if hasattr(values, "columns") and getattr(values, "ndim", 2) == 2:
        raise TypeError(f"{expected}, not {a(type(values).__name__)}; {of_frame}")


PROBED = 8
"""Values that a bundle is tried with."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a network that is to read these arrays has to know.

    Shapes and types are those of the example. A reader whose networks need more, such as a vocabulary, adds it in a
    subclass beside itself, as `TextForm` does.

    Attributes:
        kind: that of the reader; `Model.reads` of a network that fits.
        example: arrays of two rows, by the name of the argument.
        axes: of each of them, the axes that may have any size, and what that size is called.
    """

    kind: str
    example: Mapping[str, NDArray[Any]]
    axes: Mapping[str, Mapping[int, str]]


class Reader(Protocol):
    """Turns values into rows.

    Attributes:
        kind: under which a bundle finds it again.
        needs: what `save` returns, by name and type.
        files: the names of the files that `save` writes.
    """

    kind: ClassVar[str]
    needs: ClassVar[Mapping[str, type]]
    files: ClassVar[tuple[str, ...]]

    @property
    def takes(self) -> Takes | None:
        """How `limbeck predict` is given values; None: only Python can hold them."""
        ...

    @property
    def digest(self) -> str:
        """Names everything that decides which arrays a value becomes: 16 hex digits."""
        ...

    @property
    def form(self) -> Form:
        """What the arrays look like."""
        ...

    @property
    def shapes(self) -> Mapping[str, tuple[int | None, ...]]:
        """The same without an array: by argument the size of each axis of a row, None where it may have any."""
        ...

    def encode(self, values: Any) -> Rows:
        """Return the values as rows, in order."""
        ...

    def probe(self) -> Any:
        """Return `PROBED` synthetic values, always the same, made of nothing but what the reader itself is made of.

        A bundle records the answers to them. They come without a file, and need no library beside the runtime's own.
        """
        ...

    def save(self, folder: Path) -> dict[str, Any]:
        """Write its files into a folder, and return what `bundle.json` says under `reads`."""
        ...

    @classmethod
    def load(cls, folder: Path, info: Mapping[str, Any]) -> Self:
        """Return the reader that was saved."""
        ...
