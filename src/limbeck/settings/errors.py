"""What is wrong with a recipe, in words: one line an error, the key as it is written, and the nearest valid name."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from limbeck.cards import no_loss
from limbeck.errors import LimbeckError, nearest, one_line
from limbeck.settings import ALSO

_M = TypeVar("_M", bound=BaseModel)
_KEYS = "a mapping of keys"
_OWNERS = 3
"""Of a key, that are named where there are many."""
_MUST_BE = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": _KEYS,
    "model_type": _KEYS,
    "greater_than": "greater than {gt:.12g}",
    "greater_than_equal": "at least {ge:.12g}",
    "less_than": "less than {lt:.12g}",
    "less_than_equal": "at most {le:.12g}",
    "int_parsing_size": "a whole number of fewer digits",
    "literal_error": "{expected}",
}
"""Pydantic's error types, as the end of `key must be ...`; what is missing here speaks for itself."""
_LENGTHS = ("too_short", "string_too_short", "too_long", "string_too_long")
_RANGES = ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "int_parsing_size")
RENAMED = {"target": "until", "metric": "task.metric", "data.transfer": "data.unlabelled"}
"""Keys of earlier versions, and what they are called now."""
MOVED = {name: f"reads.{name}" for name in ("tokenizer", "max_length", "tail")}
"""The same of keys that stand in several places."""
_FORMS = {
    r"^\w[\w.-]*$": "made of letters, digits, `_`, `.` and `-`, and not begin with `.` or `-`",
    r"^\w+(\.\w+)*:\w+$": "module:function",
}
"""Patterns in words."""


class RecipeError(LimbeckError):
    """Everything that is wrong with a recipe.

    Args:
        lines: one for each error.
        where: the file.
    """

    def __init__(self, lines: list[str], where: str | None = None) -> None:
        super().__init__(lines[0] if len(lines) == 1 else "\n  ".join([f"{len(lines)} errors", *lines]), where=where)
        self.lines = lines

    def __str__(self) -> str:
        lines = self.lines if len(self.lines) == 1 else [f"{len(self.lines)} errors", *self.lines]
        if self.where:
            lines = [f"{self.where}: {lines[0]}", *lines[1:]]
        return "\n  ".join(map(one_line, lines))


def validated(model: type[_M], values: Any, prefix: str = "") -> _M:
    """Return the validated settings.

    Args:
        model: what they should be.
        values: as they were read.
        prefix: stands before the keys in errors, such as `baseline.`

    Raises:
        RecipeError: with all errors.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        schema = _Schema(model)
        found = [dict(entry) for entry in error.errors(include_url=False)]
        # Of a number out of its range, a union says too that it is none of its other branches.
        ranged = {_key(entry, values) for entry in found if entry["type"] in _RANGES}
        lines = [
            _explain(schema, entry, values, prefix)
            for entry in found
            if entry["type"] in _RANGES or _key(entry, values) not in ranged
        ]
        raise RecipeError(list(dict.fromkeys(lines))) from None


def _explain(schema: "_Schema", error: dict[str, Any], values: Any, prefix: str) -> str:
    kind, given, context = error["type"], error["input"], error.get("ctx", {})
    key = (prefix + _key(error, values)).removesuffix(".")
    if kind == "extra_forbidden":
        return _unknown(schema, key, error["loc"])
    if kind == "missing":
        return f"`{key}` is missing{schema.meaning(error['loc'])}"
    if kind in ("union_tag_invalid", "union_tag_not_found", "model_attributes_type"):
        return _unnamed(schema, key, error["loc"], given)
    if kind == "literal_error" and isinstance(given, str):
        return f"`{key}` is {shown(given)}; {nearest(given, schema.choices(error['loc']))}"
    if kind in _LENGTHS:
        return _length(key, len(given), **context)
    if kind in _MUST_BE:
        plain = kind == "string_type" and isinstance(given, bool | int | float)
        hint = f"; put it in quotes, which are typed as '{key}=\"{shown(given)}\"'" if plain else ""
        return f"`{key}` must be {_MUST_BE[kind].format(**context)}, not {shown(given)}{hint}"
    if kind == "string_pattern_mismatch":
        return f"`{key}` is {shown(given)}; it must be {_FORMS.get(context['pattern'], context['pattern'])}"
    message = error["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return f"`{key}`: {message}" if key else f"{message}, not {shown(given)}"


def _unnamed(schema: "_Schema", key: str, path: tuple[Any, ...], given: Any) -> str:
    """Return what could have been named, where a mapping does not name a component of a catalogue."""
    name, valid = schema.kinds(path)
    if not isinstance(given, Mapping):
        return f"`{key}` must be a mapping with `{name}`, not {shown(given)}; valid: {', '.join(sorted(valid))}"
    if name not in given:
        return f"`{key}.{name}` is missing; valid: {', '.join(sorted(valid))}"
    if found := schema.also(path).get(str(given[name]).casefold()):
        return f"`{key}.{name}` is {shown(given[name])}; it is called {', '.join(found)} here"
    if path[:1] == ("losses",) and (told := no_loss(str(given[name]))):
        return f"`{key}.{name}`: {shown(given[name])} {told}"
    return f"`{key}.{name}` is {shown(given[name])}; {nearest(str(given[name]), valid)}"


def _length(key: str, found: int, *, min_length: int = 0, max_length: int | None = None, **_: Any) -> str:
    if max_length is not None:
        return f"`{key}` may have at most {max_length:,}, not {found:,}"
    return f"`{key}` must not be empty" if min_length == 1 else f"`{key}` needs at least {min_length}, not {found}"


def _unknown(schema: "_Schema", key: str, path: tuple[Any, ...]) -> str:
    """Return what an unknown key is called now, where it could have stood, or what could have stood for it."""
    if (new := RENAMED.get(key) or _moved(schema, key, path)) is not None:
        return f"`{key}` is called `{new}` now"
    if owners := schema.owners(path):
        more = f" or {len(owners) - _OWNERS} others" if len(owners) > _OWNERS + 1 else ""
        return f"unknown key `{key}`; it belongs to {' or '.join(owners[:_OWNERS] if more else owners)}{more}"
    return f"unknown key `{key}`; {nearest(str(path[-1]), schema.keys(path[:-1]))}"


def _moved(schema: "_Schema", key: str, path: tuple[Any, ...]) -> str | None:
    """Return what a key that stands in several places is called there now; None where there is no such key."""
    new, parent = MOVED.get(str(path[-1]).rpartition(".")[2]), path[:-1]
    if new is None:
        return None
    for step in (steps := new.split(".")):
        if step not in schema.keys(parent):
            return None
        parent = (*parent, step)
    return ".".join([*key.split(".")[:-1], *steps])


def _key(error: Mapping[str, Any], values: Any) -> str:
    """Return the dotted key of an error: the steps of its path that the values have.

    Pydantic's path also names the branch of a union that it tried, such as `kd` in `losses.0.kd.temperature`.
    """
    steps: list[str] = []
    for step in error["loc"]:
        if isinstance(values, list) and isinstance(step, int) and step < len(values):
            steps.append(_entry(values, step))
            values = values[step]
        elif isinstance(values, Mapping) and step in values:
            steps.append(str(step))
            values = values[step]
        elif isinstance(step, str) and "." in step and "[" not in step:
            steps.append(step)  # a key of the grid, which may have been written in nested form
    if error["type"] == "missing":
        steps.append(str(error["loc"][-1]))
    return ".".join(steps)


def _entry(entries: list[Any], position: int) -> str:
    """Return how an override names an entry of a list: by its `name` where only one has it, or by its number."""
    names = [entry.get("name") if isinstance(entry, Mapping) else None for entry in entries]
    name = names[position]
    return name if isinstance(name, str) and names.count(name) == 1 else str(position)


def shown(value: Any) -> str:
    """Return a value as a recipe would have it, on one line and not too long."""
    if isinstance(value, str):
        return f"`{value}`" if len(value) <= 60 else f"`{value[:57]}...`"
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


class _Schema:
    """A model's JSON Schema, walked along pydantic's paths: what could have stood there."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._schema = model.model_json_schema()

    def keys(self, path: tuple[Any, ...]) -> list[str]:
        """Return the valid keys of a mapping."""
        return [name for option in self._options(self._at(path)) for name in option.get("properties", {})]

    def choices(self, path: tuple[Any, ...]) -> list[str]:
        """Return the valid values of a key that has a few."""
        found = (value for option in self._options(self._at(path)) for value in _values(option))
        return [value for value in found if isinstance(value, str)]

    def meaning(self, path: tuple[Any, ...]) -> str:
        """Return in brackets what a key is for; nothing where its settings do not say so."""
        options = self._options(self._at(path[:-1]))
        found = [option["properties"][path[-1]] for option in options if path[-1] in option.get("properties", {})]
        said = found[0].get("description") if found else None
        return "" if said is None else f" ({said})"

    def kinds(self, path: tuple[Any, ...]) -> tuple[str, list[str]]:
        """Return the key that tells a union's branches apart, and its valid values."""
        tags: dict[str, list[str]] = {}
        for option in self._options(self._at(path)):
            for name, entry in option.get("properties", {}).items():
                if "const" in entry and entry["const"] != "given":  # that is a Python object, no file can have one
                    tags.setdefault(name, []).append(entry["const"])
        return max(tags.items(), key=lambda item: len(item[1]), default=("name", []))

    def also(self, path: tuple[Any, ...]) -> dict[str, list[str]]:
        """Return by other names that the branches of a union go by, as their settings tell them, what these are."""
        tag, _ = self.kinds(path)
        found: dict[str, list[str]] = {}
        for option in self._options(self._at(path)):
            for other in option.get(ALSO, []):
                found.setdefault(other.casefold(), []).append(option["properties"][tag]["const"])
        return found

    def owners(self, path: tuple[Any, ...]) -> list[str]:
        """Return the branches of the union around a key that have it, as a recipe writes them: `kind: network`."""
        tag, _ = self.kinds(path[:-2])
        branches = [option.get("properties", {}) for option in self._options(self._at(path[:-2]))]
        named = [branch for branch in branches if path[-1] in branch and "const" in branch.get(tag, {})]
        return sorted(f"`{tag}: {branch[tag]['const']}`" for branch in named)

    def _at(self, path: tuple[Any, ...]) -> dict[str, Any]:
        node = self._resolve(self._schema)
        for step in path:
            options = list(self._options(node))
            branch = [option for option in options if step in _tags(option)]
            inner = [option["properties"][step] for option in options if step in option.get("properties", {})]
            items = [option["items"] for option in options if "items" in option and isinstance(step, int)]
            node = self._resolve(next(iter([*branch, *inner, *items]), node))
        return node

    def _options(self, node: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the branches of a union, or the node itself."""
        branches = node.get("oneOf", node.get("anyOf"))
        if branches is None:
            yield node
            return
        for branch in branches:
            yield from self._options(self._resolve(branch))

    def _resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            node = self._schema["$defs"][node["$ref"].split("/")[-1]]
        return node


def _tags(node: dict[str, Any]) -> set[Any]:
    return {entry["const"] for entry in node.get("properties", {}).values() if "const" in entry}


def _values(node: dict[str, Any]) -> list[Any]:
    return [node["const"]] if "const" in node else node.get("enum", [])
