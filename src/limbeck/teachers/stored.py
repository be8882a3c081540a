"""Answers in a file of rows, found by the content id of what they are about."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.data.cells import is_missing
from limbeck.data.modality import Column, Modality
from limbeck.digest import content_id, ids_of_hex, is_hex_id
from limbeck.errors import LimbeckError, nearest
from limbeck.runtime.records import parts

_SHOWN, _LONG = 3, 40
LISTS = "logits"
"""The column that may hold the answers as lists, as `limbeck cache export` writes it."""


@dataclass(frozen=True)
class StoredAnswers:
    """The answers of a file.

    Attributes:
        ids: (examples,) content ids, ascending, each once.
        numbers: (examples, columns) float64.
        columns: the names of the columns, sorted; of lists the numbers of their places.
        path: of the file.
        listed: whether the answers are the lists of one column, whose places have no names.
        others: of each column that holds anything but numbers, its name and the first such cell, in words.
    """

    ids: NDArray[np.int64]
    numbers: NDArray[np.float64]
    columns: tuple[str, ...]
    path: Path
    listed: bool = False
    others: tuple[str, ...] = ()

    def has(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return for which ids there is an answer, (ids,) bool."""
        return self.ids[self._place(ids)] == ids

    def of(self, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the answers for ids that have one, (ids, columns)."""
        return self.numbers[self._place(ids)]

    def only(self, columns: Sequence[str]) -> "StoredAnswers":
        """Return the same of some columns."""
        kept = [place for place, name in enumerate(self.columns) if name in columns]
        return replace(self, numbers=self.numbers[:, kept], columns=tuple(self.columns[place] for place in kept))

    def _place(self, ids: NDArray[np.int64]) -> NDArray[np.intp]:
        return np.searchsorted(self.ids, ids).clip(max=len(self.ids) - 1)


def read_answers(path: Path, by: str, column: str, modality: Modality, key: str) -> StoredAnswers:
    """Return the answers of a file, read once as long as the file stays as it is.

    Args:
        path: of a file of rows.
        by: what the column holds, see `BY`.
        column: that says what a row is about; every other column that holds numbers alone is one of answers, or the
            column `logits` where it holds lists.
        modality: what an example is.
        key: of the teacher in the recipe, for errors.

    Raises:
        LimbeckError: it cannot be read, a row is about nothing, or one example has two answers.
    """
    found = path.stat() if path.is_file() else None  # whoever reads it says what is wrong
    stamp = () if found is None else (found.st_mtime_ns, found.st_size, found.st_ino)
    return _read(path, stamp, by, column, modality, key)


@lru_cache(maxsize=4)
def _read(path: Path, stamp: tuple[int, ...], by: str, column: str, modality: Modality, key: str) -> StoredAnswers:
    where = f"{key}.path ({path})"
    cells: dict[str, list[Any]] = {}
    for part in parts(path):
        for name, some in part.cells.items():
            cells.setdefault(name, []).extend(some)
    cells = {name: some for name, some in cells.items() if name.strip()}  # without a name: pandas' index
    if column not in cells:
        raise LimbeckError(
            f"no column `{column}`, which says what a row is about",
            where=where,
            fix=f"{nearest(column, cells)}; {key}.column names it",
        )
    about = cells.pop(column)
    if not about:
        raise LimbeckError("it holds no row", where=where, fix="write it again")
    ids = _ids(about, by, Column(column, where, None, path.parent), modality)
    others = tuple(_others(cells))
    columns, numbers = _listed(cells[LISTS], about, where) if _of_lists(cells) else _named(cells, others, where)
    order = np.argsort(ids, kind="stable")
    ids, numbers = ids[order], numbers[order]
    again = ids[1:] == ids[:-1]
    if (apart := again & (numbers[1:] != numbers[:-1]).any(axis=1)).any():
        some = [_short(about[row]) for row in order[1:][apart][:_SHOWN]]
        raise LimbeckError(
            f"{len(np.unique(ids[1:][apart])):,} examples have two answers that differ, such as {', '.join(some)}",
            where=where,
            fix="keep one row of each",
        )
    first = np.concatenate([[True], ~again])
    return StoredAnswers(ids[first], numbers[first], columns, path, listed=_of_lists(cells), others=others)


def _of_lists(cells: Mapping[str, Sequence[Any]]) -> bool:
    return isinstance(next(iter(cells.get(LISTS, ())), None), list)


def _others(cells: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """Yield what the columns hold that are no answers: a comma in a number, for example."""
    for name, some in cells.items():
        odd = next((cell for cell in some if _numbers([cell]) is None), None)
        if odd is not None and not isinstance(odd, list):
            yield f"column `{name}` holds {_short(odd)}"


def _named(
    cells: Mapping[str, Sequence[Any]], others: Sequence[str], where: str
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Return the names of the columns of numbers, and the numbers, (rows, columns)."""
    columns = {name: numbers for name in sorted(cells) if (numbers := _numbers(cells[name])) is not None}
    if not columns:
        raise LimbeckError(
            f"no column of it holds numbers alone{': ' * bool(others)}{', '.join(others[:_SHOWN])}",
            where=where,
            fix=f"write a column of numbers a class, or one column `{LISTS}` of lists; where it names one class a "
            "row, 1 for that one and 0 for others",
        )
    return tuple(columns), np.stack([*columns.values()], axis=1)


def _listed(cells: Sequence[Any], about: Sequence[Any], where: str) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Return the numbers of the places of lists, as names, and the lists, (rows, places)."""
    width = len(cells[0])
    for cell, key in zip(cells, about, strict=True):
        numbers = _numbers(cell) if isinstance(cell, list) else None
        if numbers is None or len(numbers) != width or not width:
            raise LimbeckError(
                f"column `{LISTS}` does not hold {width:,} numbers for {_short(key)}, as for the first row",
                where=where,
                fix="give each row a list of one number an output; answers by token are not read",
            )
    return tuple(map(str, range(width))), np.array([_numbers(cell) for cell in cells], np.float64)


def _by_id(cells: Sequence[Any], column: Column, modality: Modality) -> NDArray[np.int64]:
    if all(map(is_hex_id, cells)):
        return ids_of_hex(cells)
    try:
        return np.array([int(cell) for cell in cells], np.int64)
    except (TypeError, ValueError, OverflowError) as error:
        raise LimbeckError(
            f"column `{column.name}` holds what is no content id ({error})",
            where=column.where,
            fix="ids are 16 hex digits, as limbeck cache export writes them, or whole numbers; else set by=text or "
            "by=path",
        ) from None


def _by_text(cells: Sequence[Any], column: Column, modality: Modality) -> NDArray[np.int64]:
    return _of_values(modality.values([cell if is_missing(cell) else str(cell) for cell in cells], column), modality)


def _by_path(cells: Sequence[Any], column: Column, modality: Modality) -> NDArray[np.int64]:
    folder = column.folder or Path()
    files = [folder / str(cell) for cell in cells]
    if absent := [file for file in files if not file.is_file()]:
        raise LimbeckError(
            f"column `{column.name}` names {len(absent):,} files that are not there, such as {absent[0]}",
            where=column.where,
            fix="paths begin in the folder of the file that names them",
        )
    return _of_values(modality.values(modality.in_files([*map(str, files)]), column), modality)


def _of_values(values: Sequence[Any], modality: Modality) -> NDArray[np.int64]:
    return np.fromiter((content_id(modality.identity(value)) for value in values), np.int64, len(values))


BY: Mapping[str, Callable[[Sequence[Any], Column, Modality], NDArray[np.int64]]] = {
    "id": _by_id,
    "text": _by_text,
    "path": _by_path,
}
"""What a column says of an example: its content id, its text, or the path of its file; and how that becomes its id."""


def _ids(cells: Sequence[Any], by: str, column: Column, modality: Modality) -> NDArray[np.int64]:
    if none := [row for row, cell in enumerate(cells) if is_missing(cell) or cell == ""]:
        raise LimbeckError(
            f"column `{column.name}` holds nothing in {len(none):,} rows, such as row {none[0] + 1}",
            where=column.where,
            fix="remove them",
        )
    return BY[by](cells, column, modality)


def _numbers(cells: Sequence[Any]) -> NDArray[np.float64] | None:
    """Return a column as numbers, (rows,), NaN where there is none; None where it holds anything else."""
    try:
        return np.array([_number(cell) for cell in cells], np.float64)
    except (TypeError, ValueError):
        return None


def _number(cell: Any) -> float:
    if isinstance(cell, bool):
        raise TypeError("a truth value is no answer")
    return np.nan if is_missing(cell) or cell == "" else float(cell)


def missing_answers(stored: StoredAnswers, ids: NDArray[np.int64], shown: Callable[[int], Any], key: str) -> None:
    """Refuse a file that does not answer for every example, or not with numbers.

    Args:
        stored: the answers.
        ids: content ids of the examples.
        shown: returns what names the example of such a number.
        key: of the teacher in the recipe, for errors.

    Raises:
        LimbeckError: it says for how many, and which the first ones are.
    """
    without = ~stored.has(ids)
    empty = ~without & ~np.isfinite(stored.of(ids)).all(axis=1)
    for wrong, what in ((without, "no row for"), (empty, "no finite number in some column for")):
        if wrong.any():
            rows = np.flatnonzero(wrong)
            some = ", ".join(_short(shown(int(row))) for row in rows[:_SHOWN])
            raise LimbeckError(
                f"it has {what} {len(rows):,} of {len(ids):,} examples, such as {some}",
                where=f"{key}.path ({stored.path})",
                fix="let the teacher answer for every row of the run, exactly as it stands there, and for each copy "
                "where data.augment makes some",
            )


def _short(what: Any) -> str:
    text = " ".join(str(what).split())
    if len(text) > _LONG:  # the end of a path says most
        text = f"…{text[1 - _LONG :]}" if isinstance(what, Path) else f"{text[: _LONG - 1]}…"
    return f"`{text}`"
