"""The published JSON Schema accepts and refuses what reading a recipe does."""

import json

import jsonschema
import pytest
from recipe_cases import TEXT

from limbeck.errors import LimbeckError
from limbeck.recipe import Recipe, load_recipe, parse_recipe
from limbeck.recipes import packaged_recipe, packaged_recipes
from limbeck.settings.yaml import read_yaml


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(json.dumps(Recipe.model_json_schema()))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("name", packaged_recipes())
def test_the_schema_accepts_packaged_recipes(validator, name):
    validator.validate(read_yaml(packaged_recipe(name)))
    validator.validate(load_recipe(name).model_dump(mode="json"))


@pytest.mark.parametrize(
    "change",
    [
        {"student": {"model": "ngrams"}},
        {"student": {"model": {"name": "ngrams", "dim": 3}}},
        {"student": {"model": {"name": "net:build", "width": 3}}},
        {"baseline": False},
        {"baseline": {"train.lr": 3}},
        {"arms": ["student", "hard_labels"]},
        {"grid": {"train.lr": [1, 2]}},
        {"grid": [{"model": "linear"}, {"model": {"name": "ngrams", "dim": 3}, "train": {"lr": 1}}, {}]},
        {"losses": [{"name": "kd", "weight": {"schedule": "linear", "start": 1, "end": 0}}]},
        {"teacher": {"kind": "transformers", "model": "minilm"}},
        {"until": {"accuracy": 0.9}},
    ],
)
def test_the_schema_accepts_what_a_recipe_may_say(validator, change):
    values = read_yaml(TEXT) | change
    validator.validate(values)
    parse_recipe(values, "here")


@pytest.mark.parametrize(
    "change",
    [
        {"colour": "red"},
        {"student": {"model": {"name": "ngrams", "dimm": 3}}},
        {"student": {"model": "ngrams", "train": {"lr": -1}}},
        {"losses": []},
        {"losses": [{"name": "kdd"}]},
        {"teacher": {"kind": "oracle"}},
        {"grid": {"train.lr": []}},
        {"grid": []},
        {"grid": [5]},
        {"seeds": [-1]},
        {"until": {"accuracy": 90}},
        {"until": 0.9},
        {"arms": ["student", "hard_label"]},
    ],
)
def test_the_schema_refuses_what_a_recipe_may_not_say(validator, change):
    values = read_yaml(TEXT) | change
    assert not validator.is_valid(values)
    with pytest.raises(LimbeckError):
        parse_recipe(values, "here")
