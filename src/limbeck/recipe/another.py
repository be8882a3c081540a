"""What a recipe has of its own teacher and networks, where a change names others."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from limbeck.console import say
from limbeck.recipe.grid import dotted
from limbeck.settings.changes import apply
from limbeck.teachers import CATALOGUE

_KIND = "teacher.kind"
_NETWORK = ("student", "student.model", "student.model.name")
"""Keys that say which network the student is."""
_OF_A_POINT = {"model", "model.name"}
"""Keys of the grid that say the same of a point."""


def leave_out_unknown(values: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Take out of a recipe's values, in place, what a changed kind of teacher does not know; say what that is.

    Args:
        values: of a recipe that nobody wrote for this kind.
        changes: by dotted key; what they set stays.
    """
    teacher, kind = values.get("teacher"), changes.get(_KIND)
    known = CATALOGUE.get(kind) if isinstance(kind, str) else None
    if known is None or not isinstance(teacher, dict) or "teacher" in changes:
        return
    own = teacher.get("kind")
    if own == kind:
        return
    set_now = {key.split(".")[1] for key in changes if key.startswith("teacher.")}
    gone = [key for key in teacher if key not in set_now and not _fits(known, kind, key, teacher[key])]
    values["teacher"] = {key: value for key, value in teacher.items() if key not in gone}
    if gone:
        named = ", ".join(f"teacher.{key}" for key in gone)
        say(f"  {_KIND}={kind}: without {named} of the recipe, which are of its kind `{own}`")


def _fits(known: type[Any], kind: Any, key: str, value: Any) -> bool:
    """Return whether a kind of teacher takes a key with its value; one that it needs stays, for the error about it."""
    field = known.model_fields.get(key)
    if field is None or field.is_required():
        return field is not None
    try:
        known.model_validate({"kind": kind, key: value})
    except ValidationError as error:
        return all(one["loc"][:1] != (key,) for one in error.errors())
    return True


def change(values: dict[str, Any], changes: Mapping[str, Any], *, named: bool = False) -> None:
    """Set dotted keys in a recipe's values, in place; say it where points of the grid are left out.

    Where the student's network is asked for, the grid's points that name one would take its place: they are left out,
    unless the changes have a grid of their own.

    Args:
        values: of a recipe.
        changes: by dotted key.
        named: the student's network is asked for in another way.

    Raises:
        LimbeckError: see `apply`.
    """
    asked = "student" if named else next((key for key in _NETWORK if key in changes), None)
    own = any(key.split(".")[0] == "grid" for key in changes)
    if asked and not own and isinstance(values.get("grid"), dict | list):  # what else stands there is refused later
        grid = dotted(values["grid"])
        values["grid"] = left = _unnamed(grid)
        if len(left) < len(grid):
            say(f"  {asked} is set: without the networks of the recipe's grid")
    apply(values, changes)


def _unnamed(grid: dict[str, Any] | list[Any]) -> dict[str, Any] | list[Any]:
    """Return a grid without what names a network."""
    if isinstance(grid, dict):
        return {key: value for key, value in grid.items() if key not in _OF_A_POINT}
    return [point for point in grid if not (isinstance(point, Mapping) and _OF_A_POINT & point.keys())] or {}
