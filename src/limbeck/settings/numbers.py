"""Numbers in settings: `true` is none, although Python counts it as 1, and counts and sizes have a greatest value."""

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
_GREATEST = {"int": 1_000_000_000, "float": 1e15}
"""What a number is at most that has a least value, so counts or measures something, and says no greatest one. A count
is one of steps, rows or units; the square of a measure is still a float32."""
_CLOSED = ("metadata", "serialization", "default")
"""Parts of a schema that hold no schema of a value that is read."""


def within_reason(schema: Any) -> Any:
    """Return a schema of pydantic in which every number, wherever it stands, refuses a boolean and has its bounds.

    A number without a least value is a name, such as a class's: it may be any.
    """
    if isinstance(schema, list | tuple):
        return type(schema)(within_reason(one) for one in schema)
    if not isinstance(schema, dict):
        return schema
    kind = schema.get("type")
    if kind == "function-before" and schema["function"]["function"] in _GUARDS.values():
        return schema  # settings within settings were here before
    found: Any = {key: one if key in _CLOSED else within_reason(one) for key, one in schema.items()}
    if kind == "literal" and all(type(one) is int for one in schema["expected"]):  # True equals 1
        kind = "int"
    if not isinstance(kind, str) or kind not in _GUARDS:
        return found
    if schema.keys() & {"ge", "gt"} and not schema.keys() & {"le", "lt"}:
        found["le"] = _GREATEST[kind]
    return core_schema.no_info_before_validator_function(_GUARDS[kind], found)
