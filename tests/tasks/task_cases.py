"""For every task of the catalogue: cells that name labels, outputs that are right about them, and others."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.data import DataOptions, Labels, Task, TaskOptions
from limbeck.tasks import TASKS

ROWS = 60
_DRAW = np.random.default_rng(0)
_COLOURS = _DRAW.choice(["red", "green", "blue"], ROWS).tolist()
_SIZES = _DRAW.choice(["big", "small"], ROWS).tolist()
_NUMBERS = [
    (float(a), float(b)) for a, b in zip(100 + 20 * _DRAW.normal(size=ROWS), _DRAW.normal(size=ROWS), strict=True)
]
_FLAGS = [tuple(row) for row in (_DRAW.random((ROWS, 3)) < 0.4).astype(int).tolist()]


@dataclass(frozen=True)
class TaskCase:
    """A task as one way of writing labels gives it.

    Attributes:
        settings: of the task.
        cells: of the training column.
        odd: a cell that holds no such label.
        right: outputs that are right, of labels.
        data: `data.label`, and what else is said of labels.
        other: settings of which the digest has to be another.
    """

    settings: TaskOptions
    cells: list[Any]
    odd: Any
    right: Callable[[Labels, int], NDArray[np.float64]]
    data: dict[str, Any] = field(default_factory=dict)
    other: dict[str, Any] = field(default_factory=dict)

    @property
    def options(self) -> DataOptions:
        """What the recipe says of labels."""
        return DataOptions(source="made", **self.data)

    def learn(self) -> Task:
        """The task, which has seen training labels."""
        task = self.settings.learn(self.cells, None, self.options, "made")
        return task.fit(task.labels(self.cells, "made"))


def _one_hot(labels: Labels, outputs: int) -> NDArray[np.float64]:
    return 4.0 * np.eye(outputs)[labels.values]


def _flags(labels: Labels, outputs: int) -> NDArray[np.float64]:
    return np.where(labels.values, 3.0, -3.0)


def _columns(labels: Labels, outputs: int) -> NDArray[np.float64]:
    sizes = [3, 2]
    return np.hstack([4.0 * np.eye(size)[part] for size, part in zip(sizes, labels.values.T, strict=True)])


def _values(labels: Labels, outputs: int) -> NDArray[np.float64]:
    return labels.values.astype(np.float64)


def _named(row: tuple[int, ...]) -> list[str]:
    return [name for name, yes in zip("abc", row, strict=True) if yes]


CASES: dict[str, TaskCase] = {
    "classification": TaskCase(TASKS["classification"](), _COLOURS, "pink", _one_hot, other={"metric": "f1_macro"}),
    "regression": TaskCase(
        TASKS["regression"](), [row[0] for row in _NUMBERS], "much", _values, {"label": "score"}, {"delta": 1.0}
    ),
    "regression of columns": TaskCase(
        TASKS["regression"](metric="mae"),
        list(_NUMBERS),
        (1.0, "much"),
        _values,
        {"label": ("a", "b")},
        {"metric": "r2"},
    ),
    "multilabel of columns": TaskCase(
        TASKS["multilabel"](), list(_FLAGS), (0, 1, 2), _flags, {"label": ("a", "b", "c")}, {"metric": "f1_macro"}
    ),
    "multilabel of lists": TaskCase(TASKS["multilabel"](), list(map(_named, _FLAGS)), ["d"], _flags),
    "multilabel of texts": TaskCase(
        TASKS["multilabel"](separator="|"), ["|".join(_named(row)) or "|" for row in _FLAGS], "a|d", _flags,
        other={"metric": "exact"},
    ),
    "multioutput": TaskCase(
        TASKS["multioutput"](), list(zip(_COLOURS, _SIZES, strict=True)), ("red", "huge"), _columns,
        {"label": ("colour", "size")}, {"metric": "all_right"},
    ),
}  # fmt: skip
"""By name; every kind of the catalogue has at least one."""
