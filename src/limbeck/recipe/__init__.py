"""What a run is: one YAML file or one Python object, with `key=value` overrides; every error names its key."""

from limbeck.recipe.load import describe_recipes, load_recipe, packaged_recipe, packaged_recipes, parse_recipe, run_name
from limbeck.recipe.settings import ArmName, CurveSettings, Recipe
from limbeck.settings.errors import RecipeError

__all__ = [
    "ArmName",
    "CurveSettings",
    "Recipe",
    "RecipeError",
    "describe_recipes",
    "load_recipe",
    "packaged_recipe",
    "packaged_recipes",
    "parse_recipe",
    "run_name",
]
