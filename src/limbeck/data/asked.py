"""The classes that are asked for: rows of the others are one class together, or left out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from limbeck.data.held import taken
from limbeck.data.settings import DataOptions
from limbeck.data.tables import Table
from limbeck.data.task import Task
from limbeck.errors import LimbeckError, nearest

_LABELLED = ("train", "validation", "test")


class Learns(Protocol):
    """Settings of a task, which learns from the training column what its labels are."""

    def learn(self, cells: Sequence[Any], classes: Sequence[str] | None, data: DataOptions, where: str) -> Task:
        """Return the task; `classes` is what the data itself calls the values."""
        ...


def learn(task: Learns, train: Table, settings: DataOptions, where: str) -> Task:
    """Return the task, learned from the training column.

    Raises:
        LimbeckError: its labels are none of such a task; where they are no column, it says what is expected.
    """
    try:
        return task.learn(train.labels, train.classes, settings, where)
    except LimbeckError as error:
        if not train.layout or error.where != where:
            raise
        raise LimbeckError(error.what, where=settings.source, fix=train.layout) from None


def of_classes(
    task: Learns, tables: Mapping[str, Table], settings: DataOptions, where: str
) -> tuple[dict[str, Table], Task, int]:
    """Return tables of the classes that are asked for, the task that has learned every class, and rows left out.

    Raises:
        LimbeckError: labels are none of such a task, or see `asked`.
    """
    every = learn(task, tables["train"], settings.of_every_class, where)
    found, left_out = asked(tables, every, settings, where)
    return found, every, left_out


def asked(tables: Mapping[str, Table], every: Task, settings: DataOptions, where: str) -> tuple[dict[str, Table], int]:
    """Return tables with no other classes than `data.classes` and `data.other_class`, and how many rows are left out.

    A row without a label stays as it is. Classes keep their order, that of all others is the last. A class that occurs
    in what is held out alone is one of the others too: a word that nobody has heard is what they are for.

    Args:
        tables: by split.
        every: the task that has learned all classes.
        settings: which of them are asked for; none: all.
        where: what is read, for errors.

    Raises:
        LimbeckError: there is no such class, or a label is none of the classes.
    """
    if not settings.classes:
        return dict(tables), 0
    if unknown := next((name for name in settings.classes if name not in every.names), None):
        raise LimbeckError(
            f"no training row is of the class `{unknown}`",
            where=f"data.classes ({where})",
            fix=nearest(unknown, every.names),
        )
    found = {
        split: _asked(table, every, settings, f"{where}, {split} split") if split in _LABELLED else table
        for split, table in tables.items()
    }
    return found, sum(len(table.values) - len(found[split].values) for split, table in tables.items())


def _asked(table: Table, every: Task, settings: DataOptions, where: str) -> Table:
    unheard, other = _unheard(table.labels, every, where), settings.other_class
    labels = every.labels([None if cell in unheard else cell for cell in table.labels], where)
    has_class = labels.present | np.array([cell in unheard for cell in table.labels], bool)
    names = [
        every.names[value] if present and every.names[value] in settings.classes else other
        for value, present in zip(labels.values.tolist(), labels.present.tolist(), strict=True)
    ]
    rows = np.flatnonzero(np.array([name is not None for name in names], bool) | ~has_class)
    order = [*(name for name in every.names if name in settings.classes), *([] if other is None else [other])]
    return replace(
        table,
        values=taken(table.values, rows),
        labels=[names[row] if has_class[row] else None for row in rows],
        classes=tuple(dict.fromkeys(order)),
        origin=None if table.origin is None else table.origin.take(rows),
    )


def _unheard(cells: Sequence[Any], every: Task, where: str) -> set[Any]:
    """Return the labels that no training row has."""
    found = set()
    for cell in set(cells):
        try:
            every.labels([cell], where)
        except LimbeckError:
            found.add(cell)
    return found
