"""What is to be said of the rows of a run: labels that are missing, classes that a split lacks, rows that are equal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from limbeck.data.examples import Examples, Labels, unlike
from limbeck.data.held import joined
from limbeck.data.modality import Modality
from limbeck.data.sieve import Sieve, alike, likenesses
from limbeck.data.tables import Table
from limbeck.data.task import Task

if TYPE_CHECKING:
    from limbeck.data.splits import Splits


def notes_on(
    tables: Mapping[str, Table], task: Task, parts: Mapping[str, Examples], trained: Labels, sieve: Sieve
) -> tuple[str, ...]:
    """Return what is to be said of the rows of a run, a line each.

    Args:
        tables: the rows as they were read, by split.
        task: that has seen them.
        parts: the splits, by name, and what of the labelled rows is omitted.
        trained: labels of the training rows: what is held out or dropped has gone.
        sieve: that the splits went through.
    """
    train = tables["train"]
    lines = task.remarks_on_column(trained, train.classes)
    learned = {**parts, "labelled": parts["labelled"] + parts["omitted"]}
    # Fewer validation rows than outputs were asked for: nobody wonders that some class has none.
    validation = parts["validation"]
    held_out = ("validation", "test") if len(validation) >= task.outputs else ("test",)
    for name in (*["labelled"] * bool(len(parts["labelled"])), *held_out):
        lines += task.remarks(name, learned[name].labels, learned=name == "labelled")
    if omitted := len(parts["omitted"]):
        lines.append(f"{omitted:,} labelled rows are of omitted classes: they are the teacher's, and no student's")
    training = joined(parts["labelled"].values, parts["unlabelled"].values)
    lines += sieve.modality.remarks(training, parts["test"].values, train.values)
    lines += _equal(train, parts, task, sieve)
    if not sieve.coincident:
        lines += _repeats(parts["test"], sieve.modality)
    if empty := int(sieve.empty(parts["test"]).sum()):
        lines.append(f"{empty:,} test rows have an empty {sieve.modality.noun}")
    return tuple(lines)


def on_transfer(splits: "Splits") -> list[str]:
    """Return the line that says what it means where no row is without a label; none where some are, or copies."""
    if len(splits.unlabelled) or len(splits.augmented):
        return []
    noun = splits.modality.noun
    return [
        f"no {noun} without a label: the teacher answers for the labelled ones alone, where it has least to add; name "
        "more with data.unlabelled"
    ]


def _equal(train: Table, parts: Mapping[str, Examples], task: Task, sieve: Sieve) -> list[str]:
    """Return the line that says what was done with equal training rows that all count; none where there are none."""
    noun = sieve.modality.noun
    if sieve.coincident:
        equal = len(train.values) - len(np.unique(likenesses(train.values, sieve.modality)))
        return [
            f"{equal:,} of {len(train.values):,} rows equal another one, as the columns have few different "
            "values: all rows are kept, and equal ones stand in training, validation and test; interval and p count "
            "every test row"
        ]
    if not (again := sum(sieve.again(parts[name]) for name in ("labelled", "unlabelled"))):
        return []
    rows = "training row has" if again == 1 else "training rows have"
    if sieve.modality.individual:
        return [f"{again:,} {rows} the cells of another one; each counts, whatever its label"]
    return [f"{again:,} {rows} the {noun} of another one and a different {task.noun.removesuffix('s')}; each counts"]


def _repeats(test: Examples, modality: Modality) -> list[str]:
    """Return the line that says how many test rows look like another one; none where all differ."""
    groups = alike(test, modality)
    distinct = int(groups.max()) + 1 if len(groups) else 0
    if distinct == len(test):
        return []
    order = np.argsort(groups, kind="stable")
    groups, labels = groups[order], test.labels.values[order]
    changed = unlike(labels[1:], labels[:-1]) & (groups[1:] == groups[:-1])
    line = (
        f"{len(test) - distinct:,} of {len(test):,} test rows look like another one; interval and p count them as one"
    )
    if contradicted := len(np.unique(groups[1:][changed])):
        line += f"; {contradicted:,} of these {modality.noun}s have more than one label"
    return [line]
