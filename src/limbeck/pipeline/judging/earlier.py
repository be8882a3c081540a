"""What an earlier run left in the folder: of which data it was, and what its models were called."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from limbeck.console import say
from limbeck.data.cells import columns_of
from limbeck.errors import LimbeckError
from limbeck.evaluation.schema import Evaluation
from limbeck.modalities import MODALITIES, named_in
from limbeck.recipe import Recipe
from limbeck.settings.yaml import read_yaml


def last_evaluation(folder: Path) -> Evaluation | None:
    """Return the result that stands in a run's folder; None where there is none that can be read."""
    try:
        return Evaluation.model_validate_json((folder / "evaluation.json").read_bytes())
    except (OSError, ValidationError):
        return None


def about_rows(recipe: Recipe) -> str:
    """Return where the test rows of a recipe are from, and what is predicted of them."""
    return _about(recipe.model_dump(mode="json"))


def say_what_is_replaced(recipe: Recipe, folder: Path) -> None:
    """Print a line where the folder holds a finished run of other data, or of another task.

    What is its own in a run's folder, such as the networks, is made again then; bundle and report are replaced.
    """
    before, now = _recipe_in(folder), recipe.model_dump(mode="json")
    if before is None or last_evaluation(folder) is None:
        return
    same_rows = _rows(before) == _rows(now)
    if same_rows and _task(before) == _task(now):
        return
    other = "another task" if same_rows else "other data"
    say(
        f"  {folder} holds a finished run of {other} ({_about(before)}): its bundle and report are replaced; "
        "give another folder (--out) to keep them",
        style="yellow",
    )


def _recipe_in(folder: Path) -> Mapping[str, Any] | None:
    """Return the values of the recipe of a run; None where there are none."""
    try:
        found = read_yaml((folder / "recipe.yaml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, LimbeckError):
        return None
    return found if isinstance(found, Mapping) and isinstance(found.get("data"), Mapping) else None


def _rows(values: Mapping[str, Any]) -> list[Any]:
    """Return what says which examples a recipe reads."""
    data, target = values["data"], values["data"].get("target") or {}
    return [
        (str(Path(str(part.get("source")))), part.get("domain"), *(part.get(one.key) for one in MODALITIES.values()))
        for part in (data, target)
    ]


def _task(values: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return what a recipe predicts: its task, and the columns with the label."""
    task = values.get("task")
    return task.get("kind") if isinstance(task, Mapping) else task, values["data"].get("label")


def _about(values: Mapping[str, Any]) -> str:
    data = values["data"].get("target") or values["data"]
    kind, label = _task(values)
    of = ", ".join(map(str, columns_of(label)))
    return f"{data.get('source')}: {' '.join(named_in(data))}, {kind} of {of}"
