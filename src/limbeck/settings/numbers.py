"""Numbers in settings: `true` is none, although Python counts it as 1."""

from collections.abc import Callable
from typing import Any

from pydantic_core import PydanticKnownError, core_schema


def _whole(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticKnownError("int_type")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticKnownError("float_type")
    return value


_GUARDS: dict[str, Callable[[Any], Any]] = {"int": _whole, "float": _number}
_CLOSED = ("metadata", "serialization", "default")
"""Parts of a schema that hold no schema of a value that is read."""


def without_booleans(schema: Any) -> Any:
    """Return a schema of pydantic in which every number, wherever it stands, refuses a boolean."""
    if isinstance(schema, list | tuple):
        return type(schema)(without_booleans(one) for one in schema)
    if not isinstance(schema, dict):
        return schema
    kind = schema.get("type")
    if kind == "function-before" and schema["function"]["function"] in _GUARDS.values():
        return schema  # settings within settings were here before
    found: Any = {key: one if key in _CLOSED else without_booleans(one) for key, one in schema.items()}
    if kind == "literal" and all(type(one) is int for one in schema["expected"]):  # True equals 1
        kind = "int"
    guard = _GUARDS.get(kind) if isinstance(kind, str) else None
    return found if guard is None else core_schema.no_info_before_validator_function(guard, found)
