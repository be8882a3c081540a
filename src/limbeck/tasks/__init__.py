"""Tasks by kind: what is predicted, and how that is judged.

To add a task: one file (or folder) with its settings and its `Task`, its rule in `runtime/decisions.py`, and one line
below.
"""

from typing import TYPE_CHECKING

from limbeck.data.task import TaskOptions
from limbeck.settings import or_bare, union
from limbeck.tasks.classification import ClassificationSettings
from limbeck.tasks.multilabel import MultilabelSettings
from limbeck.tasks.multioutput import MultioutputSettings
from limbeck.tasks.regression import RegressionSettings

TASKS = {
    "classification": ClassificationSettings,
    "multilabel": MultilabelSettings,
    "multioutput": MultioutputSettings,
    "regression": RegressionSettings,
}

__all__ = [
    "TASKS",
    "ClassificationSettings",
    "MultilabelSettings",
    "MultioutputSettings",
    "RegressionSettings",
    "TaskSettings",
]


if TYPE_CHECKING:
    TaskSettings = TaskOptions
else:
    TaskSettings = or_bare(union(TASKS, on="kind", default="classification"), on="kind")
