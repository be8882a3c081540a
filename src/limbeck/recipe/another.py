"""Another kind of teacher for a packaged recipe: what its own teacher has, and the other kind does not know."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from limbeck.console import say
from limbeck.teachers import CATALOGUE

_KIND = "teacher.kind"


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
