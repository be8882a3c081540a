"""Results by whose the test rows are: records of `evaluation.json`, and how they come about."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limbeck.evaluation.metric import Metric, Sheet, by_unit, total
from limbeck.evaluation.records import Difference, Record
from limbeck.evaluation.significance import difference

SHOWN = 12
"""So many of the largest groups have a row of their own; the rows of all others are one."""
LEAST = 10
"""Rows that are no evidence beside each other, below which a group is too small for an interval."""


class GroupScores(Record):
    """How every model fares on the test rows of one value of the column."""

    name: str | None = Field(description="the value; null: of rows without one, or of several values")
    values: int = Field(
        default=1, description="how many values these rows have; without a name, all that are not listed; 0: none"
    )
    rows: int = Field(description="test rows")
    scores: dict[str, float] = Field(description="in the run's metric, by model, seed means")
    gain: Difference | None = Field(
        default=None, description="student minus baseline; null: there is no baseline, or too few rows for an interval"
    )


class GroupResults(Record):
    """The run's metric by the values of a column that says whose a test row is."""

    column: str
    groups: list[GroupScores] = Field(description="the largest first; at the end, together, those of the other values")


def results_by_group(
    column: str,
    values: Sequence[str | None],
    sheets: Mapping[str, Sequence[Sheet]],
    units: NDArray[np.int64],
    metric: Metric,
) -> GroupResults:
    """Return every model's metric, and the gain of the student, by the values of a column.

    A metric of classes is over those that the group's labels show. An interval resamples the group's own units, and
    each arm's seeds, as that of all test rows does.

    Args:
        column: what the column is called.
        values: of each test row; None: it has none.
        sheets: by model, the answers of each seed.
        units: (rows,) the unit of each row, see `by_unit`.
        metric: the run's.
    """
    counts = Counter(values)
    order = sorted(counts, key=lambda value: (-counts[value], value is None, value or ""))
    parts = [(value, int(value is not None), {value}) for value in order[:SHOWN]]
    if rest := order[SHOWN:]:
        parts.append((None, len(rest), {*rest}))
    found = []
    for name, many, members in parts:
        rows = np.flatnonzero([value in members for value in values])
        found.append(_scores(name, many, rows, sheets, units, metric))
    return GroupResults(column=column, groups=found)


def _scores(
    name: str | None,
    values: int,
    rows: NDArray[np.int64],
    sheets: Mapping[str, Sequence[Sheet]],
    units: NDArray[np.int64],
    metric: Metric,
) -> GroupScores:
    own = np.unique(units[rows], return_inverse=True)[1]
    parts = {
        model: np.stack([metric.parts({key: array[rows] for key, array in sheet.items()}) for sheet in by_seed])
        for model, by_seed in sheets.items()
    }
    gain = None
    if {"student", "baseline"} <= parts.keys() and own.max() + 1 >= LEAST:
        gain = difference(by_unit(parts["student"], own), by_unit(parts["baseline"], own), metric)
    scores = {model: float(np.mean(metric.of(total(one, axis=1)))) for model, one in parts.items()}
    return GroupScores(name=name, values=values, rows=len(rows), scores=scores, gain=gain)
