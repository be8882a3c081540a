"""Tasks by kind: what is predicted, and how that is judged.

To add a task: one file (or folder) with its settings and its `Task`, its rule in `runtime/decisions.py`, and one line
below.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

from limbeck.settings import union
from limbeck.tasks.classification import ClassificationSettings

TASKS = {"classification": ClassificationSettings}

__all__ = ["TASKS", "ClassificationSettings", "TaskSettings"]


def _kind(value: Any) -> str | None:
    """Return what tells tasks apart: `classification` where nothing is said."""
    return value.get("kind", "classification") if isinstance(value, Mapping) else getattr(value, "kind", None)


def _with_kind(value: Any) -> Any:
    """Turn `regression` into `{kind: regression}`."""
    return {"kind": value} if isinstance(value, str) else value


if TYPE_CHECKING:
    TaskSettings = ClassificationSettings
else:
    _ANY = union(TASKS, on="kind", tag=_kind)
    TaskSettings = Annotated[_ANY, BeforeValidator(_with_kind, json_schema_input_type=str | _ANY)]
