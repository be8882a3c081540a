"""The guide to recipes shows recipes that are right."""

import re
from pathlib import Path

from limbeck.recipe import parse_recipe
from limbeck.settings.changes import apply, flat
from limbeck.settings.yaml import read_yaml

GUIDE = Path(__file__).parents[2] / "docs" / "recipes.md"


def test_the_guides_recipe_and_what_it_adds_to_it_are_valid():
    whole, *parts = [read_yaml(block) for block in re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)]
    parse_recipe(whole, "the guide")
    assert parts
    for part in parts:
        if {"data", "teacher", "student"} <= part.keys():  # a recipe of its own
            parse_recipe(part, "the guide")
            continue
        apply(whole, flat(part))
        parse_recipe(whole, "the guide")
