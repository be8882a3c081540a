"""Rows as examples, ordered by content id: those of a table, others without a label, and copies that are rows."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.data.copies import copies_of
from limbeck.data.examples import NO_ROWS, Examples
from limbeck.data.sieve import Sieve, content_ids
from limbeck.data.tables import Table
from limbeck.data.task import Task


def examples_of(table: Table, task: Task, where: str, sieve: Sieve) -> Examples:
    """Return all rows of a table, ordered by content id; of one id, those without a label first."""
    labels = task.labels(table.labels, where)
    rows = Examples(content_ids(table.values, sieve.modality), table.values, labels, table.origin)
    ids, order = rows.ids.copy(), _order(rows)
    ids[order] = sieve.own_ids(rows.ids[order], labels.take(order), exact=task.exact)
    sieve.stand(table, ids)
    rows = replace(rows, ids=ids)
    return rows.take(_order(rows))


def _order(rows: Examples) -> NDArray[np.int64]:
    """Return the rows ordered by content id; of one id, those without a label first."""
    labels = rows.labels
    # Of no rows, -1 could be anything.
    columns = labels.values.reshape(len(labels), math.prod(labels.values.shape[1:])).T
    return np.lexsort((*reversed(columns), labels.present, rows.ids))


def extra_rows(
    values: Sequence[Any],
    task: Task,
    sieve: Sieve,
    training: NDArray[np.int64],
    held_out: Mapping[str, Examples],
) -> Examples:
    """Return rows without a label, of which none is a training row or looks like one that is held out."""
    extra = _unlabelled(values, task, sieve)
    for name in ("test", "validation"):
        extra = sieve.without(extra, held_out[name], "unlabelled", name)
    return sieve.clean(sieve.new(extra, training, "unlabelled, also in training"))


def augmented_rows(
    labelled: Examples,
    unlabelled: Examples,
    settings: Any,
    task: Task,
    training: NDArray[np.int64],
    held_out: Mapping[str, Examples],
    sieve: Sieve,
) -> Examples:
    """Return the copies of rows, without any that is a training row, or like one that is held out."""
    if settings is None:
        return NO_ROWS
    if sieve.modality.keeps_label:
        return NO_ROWS if settings.only_teacher else copies_of(labelled, settings) + copies_of(unlabelled, settings)
    rows = labelled + unlabelled
    copies = sieve.modality.copies(map(int, rows.ids), rows.values, settings)
    made = sieve.clean(_unlabelled(copies, task, sieve), None)
    for others in (rows.ids, training):
        made = sieve.new(made, others, None)
    for name in ("validation", "test"):
        made = sieve.without(made, held_out[name], None, "")
    return made


def _unlabelled(values: Iterable[Any], task: Task, sieve: Sieve) -> Examples:
    values = values if isinstance(values, Sequence) else list(values)
    rows = Examples(content_ids(values, sieve.modality), values, task.labels([None] * len(values), ""))
    if not sieve.coincident:
        return rows
    rows = rows.take(_order(rows))
    return replace(rows, ids=sieve.own_ids(rows.ids, rows.labels))
