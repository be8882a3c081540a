"""Score a finished bundle on labelled examples."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.console import aside, say, table
from limbeck.data import Labels, Modality, Table, Task, read_tables
from limbeck.data.cells import label_name, may_be_missing, plain_label
from limbeck.data.modality import NoColumnError
from limbeck.data.tables import LABEL
from limbeck.errors import LimbeckError, a, nearest
from limbeck.modalities import MODALITIES
from limbeck.report import words
from limbeck.report.words.units import units
from limbeck.runtime.bundle import Bundle, load_for_files, named_columns
from limbeck.runtime.takes import Asked, named_as
from limbeck.tasks import TASKS

Names = str | Sequence[str]
"""A column, or several that are one label."""
_SHOWN = 8
"""At most so many classes are named."""
_TRIED, _LOOKED_AT = 12, 1000
"""Columns, and rows of each, that are looked at for labels where no column is called as it should be."""
_ARGUMENTS = {"source": "DATA", "column": "--column", "label": "--label"}
"""What the command calls them."""


def score_bundle(
    bundle: Path, source: str, *, column: str | None, label: Sequence[str], as_json: bool
) -> dict[str, float]:
    """Print a bundle's scores on a file, or on the test split of a folder, a hub's data set or a packaged source.

    A label is the bundle's of the same name, else the one that differs in case, blanks or Unicode form only, else the
    class that all others were in the training (`data.other_class`). Rows without a label or an example are left out,
    and counted.

    Args:
        bundle: its folder.
        source: the examples.
        column: that with the example; None: it is called as in the training, or as the modality.
        label: the column with the label; of a label in several columns all of them, in any order; none: they are called
            as in the training, or `label`.
        as_json: print JSON; whatever else is said goes to standard error.

    Raises:
        LimbeckError: no bundle, no test split, no rows, or a label that the bundle does not know.
    """
    student, _ = load_for_files(bundle)
    modality = MODALITIES[student.reader.kind]
    task = TASKS[student.info["task"]]().served(student.labels, student.info.get("decision", {}))
    with aside() if as_json else nullcontext():
        asked, labels = _rows(source, student, modality, task, column, _asked(label, task, student.info))
    sheet = task.sheet(_outputs(student, asked), labels)
    result = {metric.name: metric(sheet) for metric in task.metrics}
    if as_json:
        say(json.dumps(result))
    else:
        figures = [words.score(result[metric.name], metric) for metric in task.metrics]
        table(["", *(metric.title for metric in task.metrics)], [[words.several(len(labels), "row"), *figures]])
        if (said := units((metric.title, task.unit(metric)) for metric in task.metrics)) is not None:
            say(f"  {said}")
    return result


def _rows(
    source: str, student: Bundle, modality: Modality, task: Task, column: str | None, names: Sequence[Names]
) -> tuple[list[Asked], Labels]:
    """Return the rows that have both an example and a label; say which split they are, and how many are left out.

    Raises:
        LimbeckError: there is none, or one cannot be read.
    """
    if modality.several and column is not None:
        raise LimbeckError("the columns of a table are those of the training", where="--column", fix="leave it out")
    keys: Mapping[str, str] = {
        name: key for name, key in _ARGUMENTS.items() if name != "column" or not modality.several
    }
    columns = _example(student, modality, column)
    try:
        found = _read(source, modality, {"column": columns, "label": names}, keys)
    except LimbeckError as error:
        if isinstance(error, NoColumnError) and error.others and not task.label_columns:
            looks = partial(_looks_like_labels, source, modality, task, columns)
            raise _of_labels(error, task.names, looks) from None
        label = names[0]
        # A label in one column may be in several too, which the advice knows nothing of.
        if isinstance(label, str) and task.in_one_column and task.label_columns and f"`{label}`" in error.what:
            raise LimbeckError(error.what, where=error.where, fix=f"{error.fix}; {_each(task)}") from None
        raise
    ((split, rows),) = found.items()
    place = source if rows.origin is None else rows.origin.where
    labels = _labels(task, _as_trained(task, rows, student.info, source), place)
    holds = np.array([bool(modality.likeness(value)) for value in rows.values], bool)
    kept = np.flatnonzero(labels.present & holds)
    lacking = {"label": np.flatnonzero(~labels.present), modality.noun: np.flatnonzero(labels.present & ~holds)}
    files = () if rows.origin is None else rows.origin.files
    left_out = " and ".join(_lacking(noun, found, files) for noun, found in lacking.items() if len(found))
    if not len(kept):
        raise LimbeckError("no row to score", where=source, fix=f"give labelled rows; found: {left_out}")
    which = "the test split is scored" if split == "test" else "every row is scored, as there is no test split"
    say(f"  {source}: {which}{f'; left out: {left_out}' if left_out else ''}")
    asked = [Asked(files[row] if files else f"{place}, row {row + 1}", rows.values[row]) for row in kept.tolist()]
    return asked, Labels(labels.values[kept], labels.present[kept])


def _example(student: Bundle, modality: Modality, column: str | None) -> list[str | tuple[str, ...]]:
    """Return the names of the column with the example, of which the first that is there is read.

    Raises:
        LimbeckError: one is named, and an example of the training was read from several.
    """
    own, _ = named_columns(student.info)
    if len(own) > 1:
        if column is not None:
            raise LimbeckError(
                f"one column is named, and {a(modality.noun)} of the training had {len(own)}: {', '.join(own)}",
                where="--column",
                fix="leave it out, and call the columns of the data so",
            )
        return [own]
    return [column] if column is not None else [each for each in (*own, modality.asked(student.reader)) if each]


def _of_labels(error: NoColumnError, names: Sequence[str], looks: Callable[[str], bool]) -> LimbeckError:
    """Return the error for a missing column of labels, which advises those alone that look like one."""
    fitting = [name for name in error.others[:_TRIED] if looks(name)]
    if len(fitting) == len(error.others):
        return error
    if fitting:
        fix = f"set --label={fitting[0]}" if len(fitting) == 1 else f"set --label to one of: {', '.join(fitting)}"
        return LimbeckError(error.what, where=error.where, fix=fix)
    others, known = ", ".join(error.others[:_TRIED]), f" ({', '.join(names[:_SHOWN])})" if names else ""
    return LimbeckError(
        f"{error.what}, and none of the other columns ({others}) holds labels of the bundle{known}",
        where=error.where,
        fix="add it: only labelled rows can be scored (limbeck predict answers rows without a label)",
    )


def _looks_like_labels(source: str, modality: Modality, task: Task, columns: Sequence[Any], name: str) -> bool:
    """Return whether most of the first cells of a column of a source are labels that the task knows."""
    try:
        found = _read(source, modality, {"column": columns, "label": [name]}, _ARGUMENTS)
        ((_, rows),) = found.items()
        cells = [cell for cell in rows.labels[:_LOOKED_AT] if cell is not None]
        return 2 * sum(_known(task, cell) for cell in cells) > len(cells)
    except LimbeckError:
        return False


def _outputs(student: Bundle, asked: Sequence[Asked]) -> NDArray[np.float32]:
    """Return (rows, outputs).

    Raises:
        LimbeckError: a row cannot be read; it says which one of its file, whatever place a reader counts.
    """
    try:
        return student.logits([one.value for one in asked])
    except LimbeckError as error:
        if error.where is None or not error.where.startswith("row "):
            raise
        for one in asked:
            with named_as(one.shown):
                student.reader.encode([one.value])
        raise


def _lacking(noun: str, rows: NDArray[np.int64], files: Sequence[str]) -> str:
    """Return how many rows, or files where each is one, lack something, and which of them is the first."""
    first = files[rows[0]] if files else f"row {rows[0] + 1}"
    which = first if len(rows) == 1 else f"the first is {first}"
    return f"{words.several(len(rows), 'file' if files else 'row')} without {a(noun)} ({which})"


def _read(
    source: str, modality: Modality, names: Mapping[str, Sequence[Any]], keys: Mapping[str, str]
) -> dict[str, Table]:
    """Return the test split, or every row; of the names of a column the first is taken that the source has.

    Raises:
        LimbeckError: see `read_tables`; where no name of a column is there, it speaks of the first.
    """
    left = {kind: list(each) for kind, each in names.items()}
    first: dict[str, NoColumnError] = {}
    while True:
        try:
            return read_tables(
                source, modality=modality, column=left["column"][0], label=left["label"][0], splits=["test"], key=keys
            )
        except NoColumnError as error:
            told = first.setdefault(error.kind, error)
            if len(left[error.kind]) == 1:
                raise told from None
            del left[error.kind][0]


def _asked(label: Sequence[str], task: Task, info: Mapping[str, Any]) -> list[Names]:
    """Return the column with the label, or several; where nobody names them, first as in the training.

    Raises:
        LimbeckError: they are others than the bundle's.
    """
    if label:
        return [_in_order(label, task)]
    own, (_, trained) = task.label_columns, named_columns(info)
    usual = own if len(own) == 1 or not task.in_one_column else (LABEL,)
    return [_in_order(each, task) for each in dict.fromkeys((trained, tuple(usual))) if each]


def _in_order(label: Sequence[str], task: Task) -> Names:
    """Return a column with the label by itself, or several in the order that the bundle has.

    Raises:
        LimbeckError: they are others than the bundle's.
    """
    own = task.label_columns
    if len(label) == 1 and task.in_one_column:
        return label[0]
    if sorted(label) != sorted(own):
        if not own:
            raise LimbeckError("the bundle's label is one column", where="--label", fix="name it once")
        raise LimbeckError(
            f"the bundle's label has the columns {', '.join(own)}", where="--label", fix="name each of them once"
        )
    return own


def _each(task: Task) -> str:
    """Return how the columns of a label are given that may be one column."""
    return f"or give each class's column: {' '.join(f'--label={shlex.quote(name)}' for name in task.label_columns)}"


def _as_trained(task: Task, rows: Table, info: Mapping[str, Any], source: str) -> Table:
    """Return the rows with their labels as the training read them; say how many are of other classes than it knew.

    What meant no label there means none here, and what is called as no class is of the class of all others, where the
    training had one. What may be a sign for no label stays as it is, and is refused, as it was then; so is a column of
    which the bundle knows nothing at all.

    Args:
        task: of the bundle.
        rows: their labels as they were read.
        info: what `bundle.json` says.
        source: where they were read.
    """
    missing, other = info.get("missing", []), info.get("other_class")
    names = [label_name(cell) for cell in rows.labels]
    labels = [None if name in missing else cell for name, cell in zip(names, rows.labels, strict=True)]
    classes = [_as_class(cell) for cell in labels]
    named = {name for name in classes if name is not None}
    unknown = {name for name in named if not _known(task, name)}
    if other not in task.names or not unknown or unknown == named:
        return replace(rows, labels=labels)
    count = sum(name in unknown for name in classes)
    shown = ", ".join(words.shorten(name, 40) for name in sorted(unknown)[:_SHOWN])
    more = f" and {len(unknown) - _SHOWN:,} more" if len(unknown) > _SHOWN else ""
    say(f"  {source}: {words.several(count, 'row')} of other classes count as `{other}`: {shown}{more}")
    labels = [other if name in unknown else cell for name, cell in zip(classes, labels, strict=True)]
    return replace(rows, labels=labels)


def _as_class(cell: Any) -> str | None:
    """Return what a label is called that can only be a class; None where it is none, or may be a sign for none."""
    name = label_name(cell)
    return None if not isinstance(plain_label(cell), str | int) or name is None or may_be_missing(name) else name


def _labels(task: Task, rows: Table, source: str) -> Labels:
    """Return the labels of every row.

    Raises:
        LimbeckError: a row has one that the bundle does not know.
    """
    cells = rows.labels
    try:
        return task.labels(cells, source)
    except LimbeckError as error:
        known = (row for row, cell in enumerate(cells) if not _known(task, cell))
        row = None if task.label_columns else next(known, None)  # a task of columns says in which row it is
        if row is None:
            # What a task advises is for a recipe.
            fix = "mend it, or empty the cell where there is no label; or name another column with --label"
            raise LimbeckError(error.what, where=error.where, fix=fix) from None
        if rows.layout:
            raise LimbeckError(
                f"the folder `{cells[row]}` is called as no class that the bundle knows",
                where=source,
                fix=f"{nearest(str(cells[row]), task.names)}; rename it, or move it elsewhere",
            ) from None
        raise LimbeckError(
            f"row {row + 1} has the label `{cells[row]}`, which the bundle does not know",
            where=source,
            fix=f"{nearest(str(cells[row]), task.names)}; or empty the cell where there is no label, or name another "
            "column with --label",
        ) from None


def _known(task: Task, cell: Any) -> bool:
    try:
        task.labels([cell], "")
    except LimbeckError:
        return False
    return True
