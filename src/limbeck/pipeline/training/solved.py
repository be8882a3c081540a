"""What a recipe says of students that are solved: one solution an arm, and nothing of their training."""

from limbeck.console import say
from limbeck.errors import LimbeckError
from limbeck.models import is_solved
from limbeck.networks import TrainSettings
from limbeck.pipeline.training.slope import is_convex, require_convex
from limbeck.recipe import Recipe


def without_training(recipe: Recipe) -> Recipe:
    """Return the recipe with its first seed alone where every student is solved; any other recipe as it is.

    Raises:
        LimbeckError: a student is solved, and the recipe asks for what only a training has, or for a loss that no
            solver can follow.
    """
    tuned = [settings for arm in recipe.trained_arms for _, settings in recipe.candidates(arm)]
    trained = [settings.model.name for settings in tuned if not is_solved(settings.model)]
    if len(trained) == len(tuned):
        return recipe
    name = next(settings.model.name for settings in tuned if is_solved(settings.model))
    _refuse_steps(recipe, name, or_else=f", or leave out `{name}`" if trained else "")
    require_convex(recipe.losses, name)
    if not recipe.codec.whole:
        raise LimbeckError(
            f"`{name}` is solved, and {recipe.codec.kind} keeps a part of the answers that it is solved for",
            where="cache.codec",
            fix="set it to dense, or take a student that is trained",
        )
    if recipe.seeds[1:]:
        say(f"  one solution stands for all seeds: `{name}` does not depend on them")
    if trained:
        return recipe
    if any(settings.train != TrainSettings() for settings in tuned):
        say(f"  student.train is not used: `{name}` is solved, not trained", style="yellow")
    return recipe.model_copy(update={"seeds": recipe.seeds[:1]})


def may_be_solved(recipe: Recipe) -> bool:
    """Return whether a student of the same recipe could be solved: nothing that it asks for takes a training."""
    steps = recipe.until or (recipe.curves and recipe.curves.steps)
    return not steps and recipe.codec.whole and all(is_convex(entry) for entry in recipe.losses)


def _refuse_steps(recipe: Recipe, name: str, *, or_else: str) -> None:
    asked = {"until": recipe.until, "curves.steps": recipe.curves and recipe.curves.steps}
    for key, value in asked.items():
        if value is not None:
            raise LimbeckError(f"`{name}` is solved and takes no steps", where=key, fix=f"set it to null{or_else}")
