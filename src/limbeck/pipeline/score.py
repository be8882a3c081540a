"""Score a finished bundle on labelled examples."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from limbeck.console import say, table
from limbeck.data import Labels, Task, read_tables
from limbeck.errors import LimbeckError, nearest
from limbeck.modalities import MODALITIES
from limbeck.report import words
from limbeck.runtime.bundle import load_for_files
from limbeck.tasks import TASKS

_ARGUMENTS = {"source": "DATA", "column": "--column", "label": "--label"}
"""What the command calls them."""


def score_bundle(
    bundle: Path, source: str, *, column: str | None, label: Sequence[str], as_json: bool
) -> dict[str, float]:
    """Print a bundle's scores on a file, or on the test split of a folder, a hub's data set or a packaged source.

    A label is the bundle's of the same name, else the one that differs in case, blanks or Unicode form only.

    Args:
        bundle: its folder.
        source: the examples.
        column: that with the example; None: it is called as the modality, and the columns of a table as in training.
        label: the column with the label; of a label in several columns all of them, in any order.
        as_json: print JSON.

    Raises:
        LimbeckError: no bundle, no test split, no rows, or a label that the bundle does not know.
    """
    student, _ = load_for_files(bundle)
    modality = MODALITIES[student.reader.kind]
    task = TASKS[student.info["task"]]().served(student.labels, student.info.get("decision", {}))
    columns = label[0] if len(label) == 1 else _in_order(label, task)
    named = column or modality.asked(student.reader)
    found = read_tables(source, modality=modality, column=named, label=columns, splits=["test"], key=_ARGUMENTS)
    (rows,) = found.values()
    for row, value in enumerate(rows.values):
        if not modality.likeness(value):
            raise LimbeckError(f"row {row + 1} has no {modality.noun}", where=source, fix="write it, or remove the row")
    labels = _labels(task, rows.labels, source)
    sheet = task.sheet(student.logits(rows.values), labels)
    result = {metric.name: metric(sheet) for metric in task.metrics}
    if as_json:
        say(json.dumps(result))
    else:
        values = [words.score(result[metric.name], metric) for metric in task.metrics]
        table(["", *(metric.title for metric in task.metrics)], [[f"{len(labels):,} rows", *values]])
    return result


def _in_order(label: Sequence[str], task: Task) -> Sequence[str]:
    """Return several columns in the order that the bundle has.

    Raises:
        LimbeckError: they are others than the bundle's.
    """
    own = task.label_columns
    if sorted(label) != sorted(own):
        if not own:
            raise LimbeckError("the bundle's label is one column", where="--label", fix="name it once")
        raise LimbeckError(
            f"the bundle's label has the columns {', '.join(own)}", where="--label", fix="name each of them once"
        )
    return own


def _labels(task: Task, cells: Sequence[Any], source: str) -> Labels:
    """Return the labels of every row.

    Raises:
        LimbeckError: a row has none, or one that the bundle does not know.
    """
    try:
        labels = task.labels(cells, source)
        bare = labels.present.argmin() if not labels.present.all() else None
    except LimbeckError as error:
        if task.label_columns:  # a task of columns says in which row it is
            raise error from None
        row = next(row for row, cell in enumerate(cells) if not _known(task, cell))
        raise LimbeckError(
            f"row {row + 1} has the label `{cells[row]}`, which the bundle does not know",
            where=source,
            fix=nearest(str(cells[row]), task.names),
        ) from None
    if bare is not None:
        raise LimbeckError(f"row {bare + 1} has no label", where=source, fix="label it, or remove it")
    return labels


def _known(task: Task, cell: Any) -> bool:
    try:
        task.labels([cell], "")
    except LimbeckError:
        return False
    return True
