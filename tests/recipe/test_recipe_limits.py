"""What a recipe may hold: how much YAML, how large a number, how large a network."""

from typing import Annotated, Literal

import pytest
import torch
from pydantic import Field
from recipe_cases import lines_of, write

from limbeck.errors import LimbeckError, one_line
from limbeck.models import build_model
from limbeck.models.ngrams import NgramsSettings
from limbeck.recipe import Recipe
from limbeck.runtime import TextForm, Vocabulary
from limbeck.settings import Settings
from limbeck.settings.errors import RecipeError, validated
from limbeck.settings.yaml import DEEPEST, MOST_VALUES, read_yaml

NAMES = {"missing", "classes", "omitted_classes", "labels", "test", "validation", "ExampleSettings"}
"""Keys whose numbers may be names of classes or groups, which may be any."""
FACTORS = {"scale", "mean"}
"""Keys whose numbers are neither counts nor sizes."""


def numbers(node, path=()):
    """Yield every number in a JSON Schema, with the keys that lead to it."""
    if isinstance(node, dict):
        if node.get("type") in ("integer", "number") and "const" not in node:
            yield path, node
        for key, value in node.items():
            if key not in ("default", "description"):
                yield from numbers(value, (*path, key))
    elif isinstance(node, list):
        for value in node:
            yield from numbers(value, path)


def test_every_number_of_a_recipe_has_a_greatest_value_or_is_a_name():
    found = list(numbers(Recipe.model_json_schema()))
    without = {path for path, node in found if not node.keys() & {"maximum", "exclusiveMaximum", "enum"}}
    assert len(found) > 100
    assert not [path for path in without if not {*path} & (NAMES | FACTORS)]


def test_a_count_has_a_greatest_value_wherever_it_stands_and_a_name_has_none():
    class Inner(Settings):
        steps: Annotated[int, Field(ge=1)] = 1

    class Outer(Settings):
        kind: Literal[1, 2] = 1
        sizes: list[Annotated[int, Field(gt=0)]] | None = None
        rate: Annotated[float, Field(ge=0)] = 0.0
        few: Annotated[int, Field(ge=0, le=3)] = 0
        many: Annotated[int, Field(ge=0, lt=2**32)] = 0
        inner: Inner = Inner()
        name: int | str = 0

    large = 10**9
    values = {"sizes": [large], "rate": 1e15, "many": 2**32 - 1, "inner": {"steps": large}, "name": 10**30}
    assert validated(Outer, values).inner.steps == large
    with pytest.raises(RecipeError) as caught:
        validated(Outer, {"sizes": [large + 1], "rate": 1e16, "few": 4, "many": 2**32, "inner": {"steps": large + 1}})
    assert caught.value.lines == [
        "`sizes.0` must be at most 1000000000, not 1000000001",
        "`rate` must be at most 1e+15, not 1e+16",
        "`few` must be at most 3, not 4",
        "`many` must be less than 4294967296, not 4294967296",
        "`inner.steps` must be at most 1000000000, not 1000000001",
    ]


def test_a_number_out_of_range_is_one_line_where_it_could_have_been_something_else(tmp_path):
    assert lines_of(write(tmp_path), "data.split.test=1") == ["`data.split.test` must be at least 2, not 1"]


def test_yaml_is_read_up_to_its_limits():
    deep = "[" * (DEEPEST - 1) + "x" + "]" * (DEEPEST - 1)
    assert str(read_yaml(deep)).count("[") == DEEPEST - 1
    assert len(read_yaml(f"[{', '.join(['x'] * (MOST_VALUES - 1))}]")) == MOST_VALUES - 1
    with pytest.raises(LimbeckError, match=f"more than {DEEPEST} levels"):
        read_yaml(f"[{deep}]")
    with pytest.raises(LimbeckError, match="more than 30,000 values"):
        read_yaml(f"[{', '.join(['x'] * MOST_VALUES)}]")


def test_an_alias_counts_as_what_it_stands_for():
    named = f"a: &a [{', '.join(['x'] * 999)}]\nb: [{{}}]"
    assert len(read_yaml(named.format(", ".join(["*a"] * 28)))["b"]) == 28
    with pytest.raises(LimbeckError, match=r"refused \(line 2, column 4: more than 30,000 values\)"):
        read_yaml(named.format(", ".join(["*a"] * 30)))
    assert read_yaml("a: &a {x: 1}\nb: {<<: *a, y: 2}") == {"a": {"x": 1}, "b": {"x": 1, "y": 2}}


def test_a_tag_that_fits_is_read():
    assert read_yaml("[!!int '3', !!float 1e-3, !!str 5]") == [3, 1e-3, "5"]


def test_the_middle_of_a_very_long_line_is_left_out():
    line = str(LimbeckError(f"{'a' * 9_000} is wrong", where="here", fix="mend it"))
    assert len(line) < 1_600
    assert line.startswith("here: aaa")
    assert line.endswith("aaa is wrong; mend it")
    assert one_line("a" * 1_400) == "a" * 1_400


def test_a_network_larger_than_the_memory_is_refused_before_it_is_made(monkeypatch):
    form = TextForm.of(Vocabulary(("a", "b", "[PAD]", "[UNK]"), pad_id=2))
    made = build_model(NgramsSettings(buckets=100, dim=4, orders=2), outputs=2, form=form)
    parameters = sum(each.numel() for each in made.parameters())
    pages = {"SC_PAGE_SIZE": 1, "SC_PHYS_PAGES": 16 * parameters}
    monkeypatch.setattr("os.sysconf", pages.__getitem__)
    torch.manual_seed(3)
    build_model(NgramsSettings(buckets=100, dim=4, orders=2), outputs=2, form=form)
    with pytest.raises(LimbeckError, match=rf"^model: `ngrams` of {parameters + 4} parameters takes .* in training"):
        build_model(NgramsSettings(buckets=101, dim=4, orders=2), outputs=2, form=form)
    with pytest.raises(LimbeckError, match=r"of 549,\d{3},\d{3},\d{3} parameters takes 8,796 GB in training"):
        build_model(NgramsSettings(buckets=2**27, dim=4096), outputs=2, form=form)
