"""What a recipe leaves out, chosen from the data and from the time that a run may take."""

from limbeck.console import say
from limbeck.data import Splits
from limbeck.errors import LimbeckError
from limbeck.modalities import DEFAULT
from limbeck.pipeline.planning.texts import plan_texts
from limbeck.recipe import Recipe

__all__ = ["planned"]


def planned(recipe: Recipe, splits: Splits) -> Recipe:
    """Return a recipe with nothing left open, where it has a budget, and say what was chosen; any other as it is.

    It depends on the recipe and the data alone, and on no clock: a run that goes on has the plan that it began with.

    Raises:
        LimbeckError: the data are none that can be planned for.
    """
    if recipe.budget is None:
        return recipe
    if splits.modality.name != DEFAULT:
        raise LimbeckError(
            f"runs on texts can be planned, and these are {splits.modality.noun}s", where="budget", fix="set it to null"
        )
    plan = plan_texts(recipe, splits, recipe.budget.minutes)
    say(f"  planned for {recipe.budget.minutes:g} minutes:")
    for line, why in plan.reasons:
        say(f"    {line}: {why}")
    return plan.complete()
