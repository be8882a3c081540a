"""Tasks by kind: what is predicted, and how that is judged.

To add a task: one file (or folder) with its settings and its `Task`, its rule in `runtime/decisions.py`, and one line
below.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from limbeck.settings import or_bare, union
from limbeck.tasks.classification import ClassificationSettings

TASKS = {"classification": ClassificationSettings}

__all__ = ["TASKS", "ClassificationSettings", "TaskSettings"]


def _kind(value: Any) -> str | None:
    """Return what tells tasks apart: `classification` where nothing is said."""
    return value.get("kind", "classification") if isinstance(value, Mapping) else getattr(value, "kind", None)


if TYPE_CHECKING:
    TaskSettings = ClassificationSettings
else:
    TaskSettings = or_bare(union(TASKS, on="kind", tag=_kind), on="kind")
