"""Tasks by kind: what is predicted, and how that is judged.

To add a task: one file (or folder) with its settings and its `Task`, its rule in `runtime/decisions.py`, and one line
below.
"""

from typing import TYPE_CHECKING

from limbeck.settings import or_bare, union
from limbeck.tasks.classification import ClassificationSettings

TASKS = {"classification": ClassificationSettings}

__all__ = ["TASKS", "ClassificationSettings", "TaskSettings"]


if TYPE_CHECKING:
    TaskSettings = ClassificationSettings
else:
    TaskSettings = or_bare(union(TASKS, on="kind", default="classification"), on="kind")
