"""What a run is: one YAML file or one Python object, with `key=value` overrides; every error names its key."""

from limbeck.recipe.another import change
from limbeck.recipe.data import DataSettings, TargetSettings
from limbeck.recipe.load import load_recipe, parse_recipe, recipe_values, run_name
from limbeck.recipe.settings import ArmName, BudgetSettings, CurveSettings, Recipe
from limbeck.settings.errors import RecipeError

__all__ = [
    "ArmName",
    "BudgetSettings",
    "CurveSettings",
    "DataSettings",
    "Recipe",
    "RecipeError",
    "TargetSettings",
    "change",
    "load_recipe",
    "parse_recipe",
    "recipe_values",
    "run_name",
]
