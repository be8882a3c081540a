"""What messages, report, card and guides tell a user to call or to set exists."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import limbeck
from limbeck.recipe import Recipe

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path
    for pattern in ("README.md", "docs/*.md", "examples/**/*.py", "src/**/*.py", "src/**/*.j2", "src/**/*.yaml")
    for path in ROOT.glob(pattern)
)
PARTS = ("data", "teacher", "student", "losses", "curves", "grid")
"""Parts of a recipe whose keys are named in full, as `data.labelled=300`."""


def said(pattern: str) -> list[tuple[str, str]]:
    """Return what a pattern's group finds in the project, each once, with a file that says it."""
    found = {name: str(path.relative_to(ROOT)) for path in FILES for name in re.findall(pattern, path.read_text())}
    assert found, pattern
    return sorted(found.items())


def is_a_key(key: str) -> bool:
    """Return whether some recipe can have a key, whatever kinds it chooses."""
    schema = Recipe.model_json_schema()
    nodes = [schema]
    for part in key.split("."):
        objects = [each for node in nodes for each in alternatives(node, schema)]
        nodes = [each["properties"][part] for each in objects if part in each.get("properties", {})]
        nodes += [
            each["additionalProperties"] for each in objects if isinstance(each.get("additionalProperties"), dict)
        ]
        nodes += [each["items"] for each in objects if "items" in each]  # `losses.kd`: the item of that kind
    return bool(nodes)


def alternatives(node: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the objects that a node of a JSON schema may be."""
    if "$ref" in node:
        yield from alternatives(schema["$defs"][node["$ref"].rsplit("/", 1)[1]], schema)
    for either in [*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ())]:
        yield from alternatives(either, schema)
    yield node


@pytest.mark.parametrize(("name", "file"), said(r"\blimbeck\.([a-z_]+)\("))
def test_a_function_that_is_named_can_be_called(name, file):
    assert callable(getattr(limbeck, name, None)), f"limbeck.{name}, in {file}"


@pytest.mark.parametrize(("key", "file"), said(rf"\b((?:{'|'.join(PARTS)})\.[a-z_.]+)=(?!=)"))
def test_a_key_that_is_named_can_be_set(key, file):
    assert is_a_key(key), f"{key}, in {file}"


def test_a_key_that_no_recipe_has_is_found():
    assert not is_a_key("student.max_length")
    assert not is_a_key("data.labelled.more")
