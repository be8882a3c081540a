"""Tables: a row an example, in columns of numbers and of categories."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from limbeck.data.modality import Column, Features, Modality
from limbeck.data.spelling import fold
from limbeck.digest import identity_of
from limbeck.errors import LimbeckError
from limbeck.evaluation.figures import TableSample
from limbeck.evaluation.records import Usage
from limbeck.files import FORMS
from limbeck.modalities.table.features import CellFeatures, ColumnFeatures
from limbeck.modalities.table.reads import TableReads
from limbeck.modalities.table.remarks import how_to_mend, remarks
from limbeck.runtime.readers.table import Cell, Number, TableReader, named, plain

__all__ = ["TableModality", "TableReads"]

MIXED = 100
"""Different numbers, in a column with texts too, above which it is no column of categories."""
SHOWN = 12
"""Cells of a row that the report shows, at most."""
MANY = 0.1
"""Share of rows that equal an earlier one, above which repeats may be what the rows are drawn from."""
LENGTH = 40
"""Characters of a cell that it shows, at most."""


class TableModality(Modality):
    """A row of a table, as a mapping of its columns to numbers, texts and None."""

    name: ClassVar[str] = "table"
    key: ClassVar[str] = "features"
    several: ClassVar[bool] = True
    noun: ClassVar[str] = "row"
    individual: ClassVar[bool] = True
    column: ClassVar[str] = "the columns with numbers and categories: a list, or * for all but the label"
    usage: ClassVar[Usage] = Usage(
        noun="row",
        line=None,
        file="rows.csv",
        files=f"{FORMS} files with these columns",
        python='[{"column": 1.5, "other": "word"}]',
        keeps="scales, categories",
        in_files=True,
    )
    reads: ClassVar[type[TableReads]] = TableReads

    def values(self, cells: Mapping[str, Sequence[Any]], column: Column) -> list[dict[str, Cell]]:
        """Return the rows; see `plain` for what a cell becomes.

        Args:
            cells: by column.
            column: where they were read.

        Raises:
            LimbeckError: a cell holds something else, or a column holds many numbers and texts between them.
        """
        columns = [self._column(name, held, column) for name, held in cells.items()]
        return [dict(zip(cells, row, strict=True)) for row in zip(*columns, strict=True)]

    def _column(self, name: str, cells: Sequence[Any], column: Column) -> list[Cell]:
        found: list[Cell] = []
        for row, cell in enumerate(cells):
            try:
                found.append(plain(cell))
            except (TypeError, ValueError) as error:
                raise LimbeckError(
                    f"column `{name}` holds {error} in row {row + 1}",
                    where=column.where,
                    fix="write a number, a text or nothing there" + column.or_else("leave the column out of {}"),
                ) from None
        texts = {row: cell for row, cell in enumerate(found) if isinstance(cell, str)}
        numbers = {cell for cell in found if isinstance(cell, float)}
        if texts and len(numbers) > MIXED:
            row, text = next(iter(texts.items()))
            raise LimbeckError(
                f"column `{name}` mixes {len(numbers):,} different numbers with texts, such as `{text[:LENGTH]}` in "
                f"row {row + 1}",
                where=column.where,
                fix=how_to_mend([*texts.values()]) + column.or_else("leave the column out of {}"),
            )
        return found

    def identity(self, value: Mapping[str, Cell]) -> bytes:
        """Return the cells that hold something: a number by its value, however it is written."""
        return identity_of({name: _kind(cell) for name, cell in value.items() if cell is not None})

    def likeness(self, value: Mapping[str, Cell]) -> bytes:
        """Return the cells that hold something: numbers to six digits, texts in one spelling."""
        held = {name: _kind(cell, loosely=True) for name, cell in value.items() if cell is not None}
        return identity_of(held) if held else b""

    def coincident(self, values: Sequence[Mapping[str, Cell]]) -> bool:
        """Return whether many rows are equal, and would be if each column were shuffled by itself.

        Columns with few values make equal rows by coincidence, and shuffled columns do too. Rows that were written down
        twice are equal only as they stand.
        """
        held = [value for value in values if any(cell is not None for cell in value.values())]
        if not held:
            return False
        codes = np.stack([_codes([row[name] for row in held]) for name in held[0]], axis=1)
        draw = np.random.default_rng(0)
        return _repeated(codes) > MANY and _repeated(draw.permuted(codes, axis=0)) > MANY

    def asked(self, reader: Any) -> tuple[str, ...]:
        """Return the columns of the training."""
        return reader.columns

    def usage_of(self, reader: TableReader, values: Sequence[Mapping[str, Cell]], columns: Sequence[str] = ()) -> Usage:
        """Return the same, with a usual cell of each column of the training; of many columns, the first ones."""
        cells: dict[str, float | str] = {one.name: _usual(one, values) for one in reader.numbers}
        cells |= {one.name: next(iter(one.categories), "") for one in reader.categories}
        shown = [f"{json.dumps(name)}: {json.dumps(cell)}" for name, cell in cells.items()]
        more = [] if len(shown) <= SHOWN else ["..."]
        kept = ["scales"] * bool(reader.numbers) + ["categories"] * bool(reader.categories)
        row = f"[{{{', '.join([*shown[:SHOWN], *more])}}}]"
        return self.usage.model_copy(update={"python": row, "keeps": ", ".join(kept)})

    def remarks(
        self,
        training: Sequence[Mapping[str, Cell]],
        test: Sequence[Mapping[str, Cell]],
        read: Sequence[Mapping[str, Cell]] = (),
    ) -> list[str]:
        """Say which columns hold nothing, number the rows, or hold categories where numbers may have been meant.

        Raises:
            LimbeckError: a test row has a text where all training rows have numbers.
        """
        return remarks(training, test, read)

    def features(self) -> Sequence[Features]:
        """Return columns for a linear model, and the same for trees."""
        return [ColumnFeatures(), CellFeatures()]

    def sample(self, value: Mapping[str, Cell], name: str) -> TableSample:
        """Return the first cells of the row, cut where they are long."""
        shown = {one[:LENGTH]: _shown(cell) for one, cell in list(value.items())[:SHOWN]}
        return TableSample(name=name, cells=shown, columns=len(value))


def _usual(column: Number, values: Sequence[Mapping[str, Cell]]) -> float:
    """Return about the mean of a column: a whole number where all of its numbers are."""
    cells = (value[column.name] for value in values)
    if all(isinstance(cell, float) and cell.is_integer() for cell in cells if cell is not None):
        return round(column.mean)
    return float(f"{column.mean:.3g}")


def _codes(cells: Sequence[Cell]) -> NDArray[np.int64]:
    """Return a number for each cell, (rows,): cells that look alike have one."""
    known: dict[str | None, int] = {}
    looks = (None if cell is None else _kind(cell, loosely=True) for cell in cells)
    return np.array([known.setdefault(look, len(known)) for look in looks], np.int64)


def _repeated(codes: NDArray[np.int64]) -> float:
    """Return the share of rows that equal an earlier one."""
    return 1 - len(np.unique(codes, axis=0)) / len(codes)


def _kind(cell: float | str, *, loosely: bool = False) -> str:
    if isinstance(cell, str):
        return f"text {fold(cell) if loosely else cell}"
    return f"number {cell:.6g}" if loosely else f"number {cell!r}"


def _shown(cell: Cell) -> str:
    if cell is None:
        return ""
    text = cell if isinstance(cell, str) else f"{cell:.6g}" if abs(cell) < 1e15 and cell % 1 else named(cell)
    return text if len(text) <= LENGTH else f"{text[: LENGTH - 1]}…"
