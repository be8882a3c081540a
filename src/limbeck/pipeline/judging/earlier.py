"""What an earlier run left in the folder: of which data it was, and what its models were called."""

import os
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

_OF_TRAINING = {"labelled", "labelled_per_batch", "max_unlabelled", "unlabelled", "augment", "class_weights"}
"""Keys of `data` that choose no test rows."""


def last_evaluation(folder: Path) -> Evaluation | None:
    """Return the result that stands in a run's folder; None where there is none that can be read."""
    try:
        return Evaluation.model_validate_json((folder / "evaluation.json").read_bytes())
    except (OSError, ValidationError):
        return None


def about_rows(recipe: Recipe) -> str:
    """Return where the test rows of a recipe are from, and what is predicted of them."""
    return _about(recipe.model_dump(mode="json"))


def say_what_is_replaced(recipe: Recipe, folder: Path, rows: str | None = None) -> None:
    """Print a line where the folder holds a finished run of other data, or of another task.

    What is its own in a run's folder, such as the networks, is made again then; bundle and report are replaced.

    Args:
        recipe: what is to be carried out.
        folder: of the run.
        rows: digest of the test rows, where the recipe does not say from where they are.
    """
    if (other := _other_run(recipe, folder, rows)) is not None:
        say(
            f"  {folder} holds a finished run of {other}: its bundle and report are replaced; "
            "give another folder (--out) to keep them",
            style="yellow",
        )


def refuse_to_replace(recipe: Recipe, folder: Path, given_as: str, rows: str | None = None) -> None:
    """Refuse a folder that nobody has named, where it holds what `say_what_is_replaced` speaks of.

    Args:
        recipe: see there.
        folder: see there.
        given_as: how people name a folder, with a place for its name: `--out {}`.
        rows: see there.

    Raises:
        LimbeckError: it does.
    """
    if (other := _other_run(recipe, folder, rows)) is not None:
        raise LimbeckError(
            f"this folder, taken because none was given, holds a finished run of {other}",
            where=str(folder),
            fix=f"give another folder ({given_as.format('FOLDER')}), or, to replace that run, this one "
            f"({given_as.format(folder)})",
        )


def _other_run(recipe: Recipe, folder: Path, rows: str | None) -> str | None:
    """Return what the finished run in a folder is of, where its data or its task are others; else None."""
    before, now, last = _recipe_in(folder), recipe.model_dump(mode="json"), last_evaluation(folder)
    if before is None or last is None:
        return None
    same_rows = _rows(before) == _rows(now) and not _rows_differ(before, now, last, rows)
    if same_rows and _task(before) == _task(now):
        return None
    return f"{'another task' if same_rows else 'other data'} ({_about(before)})"


def _rows_differ(before: Mapping[str, Any], now: Mapping[str, Any], last: Evaluation, rows: str | None) -> bool:
    """Return whether test rows that only their digest tells apart are others, though all that chooses them is equal."""
    known = last.test_evaluations[-1].rows if last.test_evaluations else None
    if rows is None or known is None or _task(before) != _task(now):
        return False
    chosen = [{key: value for key, value in one["data"].items() if key not in _OF_TRAINING} for one in (before, now)]
    return chosen[0] == chosen[1] and known != rows


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
        (_place(str(part.get("source"))), part.get("domain"), *(part.get(one.key) for one in MODALITIES.values()))
        for part in (data, target)
    ]


def _place(source: str) -> str:
    """Return a source in one form, however its path was written; a packaged name or a hub id as it is."""
    return str(Path(source).resolve() if os.path.lexists(source) else Path(source))


def _task(values: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return what a recipe predicts: its task, and the columns with the label."""
    task = values.get("task")
    return task.get("kind") if isinstance(task, Mapping) else task, values["data"].get("label")


def _about(values: Mapping[str, Any]) -> str:
    data = values["data"].get("target") or values["data"]
    kind, label = _task(values)
    of = ", ".join(map(str, columns_of(label)))
    return f"{data.get('source')}: {' '.join(named_in(data))}, {kind} of {of}"
