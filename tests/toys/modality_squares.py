"""A toy modality: images of 4 x 4 pixels, black and white, as strings of 16 signs."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from limbeck.runtime.readers.squares import SIDE, SquaresReader

from limbeck.data.modality import Column, Modality, Reads
from limbeck.errors import LimbeckError
from limbeck.evaluation.figures import TextSample
from limbeck.evaluation.records import Usage


class SquaresReads(Reads):
    """Squares, as arrays of pixels."""

    kind: Literal["squares"]
    ink: str = "#"

    def fit(self, values: Any) -> SquaresReader:
        """Return the reader."""
        return SquaresReader(self.ink)


class SquaresModality(Modality):
    """An image of 4 x 4 pixels."""

    name: ClassVar[str] = "squares"
    noun: ClassVar[str] = "square"
    usage: ClassVar[Usage] = Usage(noun="square", line="#" * 16, python='["#..."]', in_files=True)
    column: ClassVar[str] = "the column with 16 signs a row"
    reads: ClassVar[type[SquaresReads]] = SquaresReads

    def values(self, cells: Sequence[Any], column: Column) -> list[str]:
        """Return the squares."""
        for row, cell in enumerate(cells):
            if len(str(cell)) != SIDE**2:
                raise LimbeckError(
                    f"row {row + 1} of column `{column.name}` is no square", where=column.where, fix=f"set {column.key}"
                )
        return list(cells)

    def identity(self, value: str) -> bytes:
        """Return the signs."""
        return value.encode()

    def likeness(self, value: str) -> bytes:
        """Return which pixels are black: any other sign is white."""
        return "".join("#" if sign == "#" else "." for sign in value).encode()

    def sample(self, value: str, name: str) -> TextSample:
        """Return the signs."""
        return TextSample(text=value)
