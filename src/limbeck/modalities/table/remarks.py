"""What is to be said of the columns of a table: those that tell nothing, and those that were taken for something else.

A cell that is written in another way than a number is a text, and its column holds categories. Nothing fails then, and
the model is worse; so a column that looks like such a mistake gets a line.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from limbeck.errors import LimbeckError
from limbeck.modalities.table.reads import TableReads
from limbeck.runtime.readers.table import Cell, named

_NAMED = 8
"""At most so many columns are named that never change."""
_LENGTH = 40
"""Characters of a cell that are shown, at most."""
_FEWEST = 20
"""Rows below which a column may well have another cell in each."""
_NEARLY = 0.9
"""Share of rows with a category of their own, from which a column of categories is worth nothing."""
_DENSE = 10
"""Whole numbers, all different, that lie within so many times their count may number the rows."""

_COMMA = re.compile(r"[+-]?([0-9]+,[0-9]+|[0-9]{1,3}([.' ][0-9]{3})+,[0-9]+|[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?)")
_DATE = re.compile(
    r"([0-9]{4}([-/.])[0-9]{1,2}\2[0-9]{1,2}|[0-9]{1,2}([-/.])[0-9]{1,2}\3([0-9]{4}|[0-9]{2}))"
    r"([T ]+[0-9:.]+ ?(Z|[+-][0-9:]+)?)?"
)


def remarks(
    training: Sequence[Mapping[str, Cell]],
    test: Sequence[Mapping[str, Cell]],
    read: Sequence[Mapping[str, Cell]] = (),
) -> list[str]:
    """Return what is to be said of the columns, a line each; see `Modality.remarks`.

    Raises:
        LimbeckError: a test row has a text where all training rows have numbers.
    """
    columns = [*training[0]] if len(training) else []
    lines = [line for name in columns for line in _of_column(name, training, test, read or training)]
    constant = [name for name in columns if _never_changes(name, training)]
    if constant:
        named = ", ".join(f"`{name}`" for name in constant[:_NAMED])
        more = f" and {len(constant) - _NAMED:,} more" if constant[_NAMED:] else ""
        what = "column holds" if len(constant) == 1 else "columns hold"
        read_as = "is" if len(constant) == 1 else "are"
        lines.append(f"{len(constant)} {what} one value in all training rows and {read_as} not read: {named}{more}")
    return lines


def how_to_mend(texts: Sequence[str]) -> str:
    """Return what to write instead of texts among numbers, or in a column that should hold numbers."""
    if _most(_COMMA, texts):
        return "write numbers with a decimal point, and without separators of thousands"
    if _most(_DATE, texts):
        return "give a date as a number, such as the days since one"
    return "leave the cell empty where there is no number"


def _most(form: re.Pattern[str], texts: Sequence[str]) -> bool:
    """Return whether more than half of the texts have a form."""
    return sum(form.fullmatch(text) is not None for text in texts) > len(texts) / 2


def _never_changes(name: str, training: Sequence[Mapping[str, Cell]]) -> bool:
    """Return whether a column holds the same number or text in all rows; one that holds nothing has its own remark."""
    first = training[0][name]
    return first is not None and len(training) > 1 and all(row[name] == first for row in training)


def _of_column(
    name: str,
    training: Sequence[Mapping[str, Cell]],
    test: Sequence[Mapping[str, Cell]],
    read: Sequence[Mapping[str, Cell]],
) -> list[str]:
    known = [cell for row in training if (cell := row[name]) is not None]
    if not known:
        return [f"column `{name}` holds nothing in any training row, and is not read"]
    texts = [cell for cell in known if isinstance(cell, str)]
    numbers = [cell for cell in known if not isinstance(cell, str)]
    if texts:
        return _of_texts(name, texts, numbers, read)
    for row in test:
        if isinstance(cell := row.get(name), str):
            raise LimbeckError(
                f"column `{name}` holds the text `{cell[:_LENGTH]}` in a test row, and numbers in all training rows",
                where="data.features",
                fix=f"{how_to_mend([cell])}, or leave the column out",
            )
    if _numbers_rows(name, numbers, read):
        return [
            f"column `{name}` holds another whole number in each row, such as {_example(name, numbers, read)}, "
            "and is read as a number: leave it out if it only numbers the rows"
        ]
    return []


def _of_texts(
    name: str, texts: Sequence[str], numbers: Sequence[float], read: Sequence[Mapping[str, Cell]]
) -> list[str]:
    """Return the line for a column with texts, where there is something to be said."""
    held = f"column `{name}` holds"
    for form, what in ((_COMMA, "numbers with a comma"), (_DATE, "dates")):
        if _most(form, texts):
            found = [text for text in texts if form.fullmatch(text)]
            return [
                f"{held} {what}, such as {_example(name, found, read)}, and is read as categories: {how_to_mend(texts)}"
            ]
    if numbers:
        found = f"{held} {_count(len(texts), 'text')} and {_count(len(numbers), 'number')}"
        return [
            f"{found}, such as {_example(name, texts, read)}, and is read as categories: if it should hold numbers, "
            f"{how_to_mend(texts)}"
        ]
    counts, most = Counter(texts), TableReads().max_categories
    own = sum(count == 1 for count in counts.values())
    if len(texts) >= _FEWEST and own >= _NEARLY * len(texts):
        rows = "each row" if own == len(texts) else f"{own:,} of {len(texts):,} rows"
        return [
            f"{held} a category of its own in {rows}, such as {_example(name, texts, read)}, and tells next to nothing "
            "as categories: leave it out"
        ]
    if len(counts) > most:
        return [
            f"{held} {len(counts):,} categories, of which the {most} most frequent ones are told apart "
            "(reads.max_categories)"
        ]
    return []


def _numbers_rows(name: str, numbers: Sequence[float], read: Sequence[Mapping[str, Cell]]) -> bool:
    """Return whether whole numbers, all different, lie close together or ascend in the file, as those of rows do."""
    if len(numbers) < _FEWEST or not all(number.is_integer() for number in numbers):
        return False
    if len(set(numbers)) < len(numbers):
        return False
    order = [cell for row in read if isinstance(cell := row[name], float)]
    ascending = all(one < other for one, other in pairwise(order))
    return ascending or max(order) - min(order) < _DENSE * len(order)


def _example(name: str, cells: Sequence[Cell], read: Sequence[Mapping[str, Cell]]) -> str:
    """Return the first of these cells in the rows as they were read, and its row."""
    wanted = set(cells)
    row, cell = next(((row, cell) for row, one in enumerate(read) if (cell := one[name]) in wanted), (None, cells[0]))
    shown = named(cell)[:_LENGTH] if cell is not None else ""
    return f"`{shown}`" if row is None else f"`{shown}` in row {row + 1}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
