"""Rows of a table: numbers scaled, categories by number, what is missing marked; as the training rows say."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from limbeck.digest import digest
from limbeck.errors import LimbeckError, nearest
from limbeck.runtime.readers import PROBED, Form, require_list
from limbeck.runtime.rows import Stacked
from limbeck.runtime.tablefiles import TableFiles
from limbeck.runtime.takes import Takes

NUMBERS, CATEGORIES = "numbers", "categories"
"""Arguments of a network that reads tables: (rows, numbers) float32, and (rows, columns) int64. One that would have no
column is left out."""

LIMIT = 10.0
"""Largest magnitude of a scaled number: one beyond ten standard deviations is as far as ten."""

_HUGE = 1e300

MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "?"})
"""Texts that stand for nothing, in any case."""

_EXPECTED = "this student reads a list of rows, a mapping by column each, or columns by name"

Cell = float | str | None
"""A number, a text, or nothing."""

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?inf(inity)?", re.IGNORECASE)


def plain(cell: Any) -> Cell:
    """Return a cell as a number, a text or nothing: `1`, `1.0` and ` 1 ` are one number, wherever they are read.

    Raises:
        TypeError: it is something else, such as a date or a list.
        ValueError: it is an infinite number, or one beyond float64.
    """
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, bool):
        return str(cell)
    if isinstance(cell, str):
        text = cell.strip()
        if text.lower() in MISSING:
            return None
        return _number(text) if _NUMBER.fullmatch(text) else text
    if cell is None or _is_none(cell):
        return None
    if isinstance(cell, Real | Decimal):
        return _number(cell)
    raise TypeError(f"a value of type {type(cell).__name__}")


def _is_none(cell: Any) -> bool:
    """Return whether it is pandas' sign for nothing, which says of nothing whether it is the same."""
    try:
        return bool(cell != cell)
    except (TypeError, ArithmeticError):
        return True
    except ValueError:  # an array
        return False


def _number(cell: Any) -> float:
    try:
        value = float(cell)
    except OverflowError:
        value = math.inf
    if math.isinf(value):
        raise ValueError("an infinite number")
    return value + 0.0  # -0.0 is 0.0


def named(cell: float | str) -> str:
    """Return what a category is called: `3` for the number 3.0."""
    if isinstance(cell, str):
        return cell
    return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)


@dataclass(frozen=True, slots=True)
class Number:
    """A column of numbers, as its training rows have them.

    Attributes:
        name: of the column.
        mean: of those that are known.
        scale: 1 / standard deviation; 0 of a column whose numbers are all the same, which tells nothing.
        missing: whether some are missing: then it has a second number, 1 where it is missing.
    """

    name: str
    mean: float
    scale: float
    missing: bool

    def at(self, deviations: float) -> float:
        """Return the number that is so many standard deviations above the mean."""
        value = self.mean + (deviations / self.scale if self.scale else 0.0)
        return min(max(value, -_HUGE), _HUGE)

    def encoded(self, cells: Sequence[Cell]) -> list[NDArray[np.float32]]:
        """Return its one or two numbers, (rows,) each; a number that is missing is the mean."""
        values = np.array([math.nan if cell is None else cell for cell in cells], np.float64)
        known = ~np.isnan(values)
        with np.errstate(over="ignore"):  # what is infinite then is far beyond the limit
            scaled = np.where(known, (values / 2 - self.mean / 2) * self.scale, 0.0) * 2
        found = [scaled.clip(-LIMIT, LIMIT).astype(np.float32)]
        return [*found, (~known).astype(np.float32)] if self.missing else found


@dataclass(frozen=True, slots=True)
class Category:
    """A column of categories, as its training rows have them.

    A category's number is its place in `categories`, from 1; 0 is any other. What is missing comes after them, where
    training rows have that.
    """

    name: str
    categories: tuple[str, ...]
    missing: bool

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return 1 + len(self.categories) + self.missing

    def encoded(self, cells: Sequence[Cell]) -> NDArray[np.int64]:
        """Return the number of each category, (rows,)."""
        numbers: dict[str | None, int] = {name: number for number, name in enumerate(self.categories, 1)}
        if self.missing:
            numbers[None] = 1 + len(self.categories)
        return np.array([numbers.get(None if cell is None else named(cell), 0) for cell in cells], np.int64)


@dataclass(frozen=True, slots=True)
class TableForm(Form):
    """What a network that reads tables has to know.

    Attributes:
        numbers: how many numbers a row has.
        sizes: of each column of categories, how many numbers they have: from 0, which stands for any other category.
    """

    numbers: int
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, numbers: int, sizes: Sequence[int]) -> "TableForm":
        """Return the form of rows with so many numbers, and categories of these sizes."""
        example: dict[str, NDArray[Any]] = {}
        if numbers:
            example[NUMBERS] = np.linspace(-1, 1, 2 * numbers, dtype=np.float32).reshape(2, numbers)
        if sizes:
            example[CATEGORIES] = np.array([[0] * len(sizes), [size - 1 for size in sizes]], np.int64)
        return cls("table", example, {name: {0: "batch"} for name in example}, numbers, tuple(sizes))


class TableReader:
    """Turns rows into numbers and categories, in the columns' order.

    Args:
        numbers: columns of numbers.
        categories: columns of categories.
    """

    kind: ClassVar[str] = "table"
    needs: ClassVar[Mapping[str, type]] = {"numbers": list, "categories": list}
    files: ClassVar[tuple[str, ...]] = ()

    def __init__(self, numbers: Sequence[Number], categories: Sequence[Category]) -> None:
        self.numbers, self.categories = tuple(numbers), tuple(categories)

    @property
    def takes(self) -> Takes:
        """Files with its columns."""
        return TableFiles(self.columns)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a row needs."""
        return tuple(column.name for column in (*self.numbers, *self.categories))

    @property
    def digest(self) -> str:
        """Names columns, scales and categories."""
        return digest(self.save(Path()))

    @property
    def form(self) -> TableForm:
        """How many numbers there are, and the sizes of the categories."""
        return TableForm.of(self._width, [column.size for column in self.categories])

    @property
    def shapes(self) -> dict[str, tuple[int | None, ...]]:
        """How many numbers, and how many categories."""
        found = {NUMBERS: self._width, CATEGORIES: len(self.categories)}
        return {name: (size,) for name, size in found.items() if size}

    @property
    def _width(self) -> int:
        return sum(1 + column.missing for column in self.numbers)

    def encode(self, values: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]]) -> Stacked:
        """Return rows as arrays.

        Args:
            values: rows, a mapping by column each; or columns by name, such as a data frame. More columns than those
                of the training do no harm.

        Raises:
            TypeError: neither rows nor columns.
            LimbeckError: a column is missing, or a cell holds what its column cannot.
        """
        columns = dict(self._columns(values))
        if len({len(cells) for cells in columns.values()}) > 1:
            raise LimbeckError("columns have different numbers of rows", where="table")
        arrays: dict[str, NDArray[Any]] = {}
        if self.numbers:
            found = [part for one in self.numbers for part in one.encoded(columns[one.name])]
            arrays[NUMBERS] = np.stack(found, axis=1)
        if self.categories:
            arrays[CATEGORIES] = np.stack([one.encoded(columns[one.name]) for one in self.categories], axis=1)
        return Stacked(arrays)

    def _columns(self, values: Any) -> Iterator[tuple[str, list[Cell]]]:
        """Yield the columns that are read, cell by cell."""
        numeric = {column.name for column in self.numbers}
        by_name = hasattr(values, "keys") or hasattr(values, "columns")
        for name in self.columns:
            cells = self._named(values, name) if by_name else self._picked(values, name)
            found = [_told(cell, name, row) for row, cell in enumerate(cells)]
            if name in numeric:
                for row, cell in enumerate(found):
                    if isinstance(cell, str):
                        raise LimbeckError(
                            f"column `{name}` holds the text `{cell[:40]}`, and its training rows hold numbers",
                            where=f"row {row + 1}",
                            fix="write a number, or nothing",
                        )
            yield name, found

    def _named(self, values: Any, name: str) -> Any:
        if name not in values:
            raise self._lacks("table", name, values)
        require_list(values[name], f"column `{name}` has to be a list of cells")
        if isinstance(values[name], Mapping):
            raise TypeError(f"column `{name}` has to be a list of cells, not a mapping")
        return values[name]

    def _picked(self, values: Any, name: str) -> Iterator[Any]:
        require_list(values, _EXPECTED)
        for row, value in enumerate(values):
            if not isinstance(value, Mapping):
                raise TypeError(_EXPECTED)
            if name not in value:
                raise self._lacks(f"row {row + 1}", name, value)
            yield value[name]

    def _lacks(self, where: str, name: str, given: Any) -> LimbeckError:
        others = [str(one) for one in given if str(one) not in self.columns]
        fix = nearest(name, others) if others else f"give the columns {', '.join(self.columns[:20])}"
        return LimbeckError(f"no column `{name}`", where=where, fix=fix)

    def probe(self) -> list[dict[str, Cell]]:
        """Return rows of numbers up to two standard deviations from the mean, and of each category in turn.

        The last row has no cell at all where its columns may lack one, and else a category of another name.
        """
        rows: list[dict[str, Cell]] = []
        for row in range(PROBED):
            last, step = row == PROBED - 1, (row - PROBED // 2) / 2
            found: dict[str, Cell] = {one.name: None if last and one.missing else one.at(step) for one in self.numbers}
            for one in self.categories:
                known = one.categories[row % len(one.categories)] if one.categories and not last else "-"
                found[one.name] = None if last and one.missing else known
            rows.append(found)
        return rows

    def save(self, folder: Path) -> dict[str, Any]:
        """Return columns, scales and categories; there is no file."""
        return {
            "numbers": [asdict(one) for one in self.numbers],
            "categories": [asdict(one) for one in self.categories],
        }

    @classmethod
    def load(cls, folder: Path, info: Mapping[str, Any]) -> "TableReader":
        """Return the reader that was saved.

        Raises:
            KeyError, TypeError: what was saved is something else.
        """
        for one in info["numbers"]:
            _require(one, {"name": str, "mean": (int, float), "scale": (int, float), "missing": bool})
        for one in info["categories"]:
            _require(one, {"name": str, "categories": list, "missing": bool})
            _require(dict(enumerate(one["categories"])), dict.fromkeys(range(len(one["categories"])), str))
        categories = [Category(one["name"], tuple(one["categories"]), one["missing"]) for one in info["categories"]]
        return cls([Number(**one) for one in info["numbers"]], categories)


def _require(found: Mapping[Any, Any], forms: Mapping[Any, Any]) -> None:
    """Refuse a value that is not of its type; a boolean is no number."""
    for key, form in forms.items():
        value = found[key]
        if not isinstance(value, form) or (isinstance(value, bool) and form is not bool):
            raise TypeError(f"`{key}` is {value!r}"[:80])


def _told(cell: Any, name: str, row: int) -> Cell:
    try:
        return plain(cell)
    except (TypeError, ValueError) as error:
        raise LimbeckError(f"column `{name}` holds {error}", where=f"row {row + 1}") from None
