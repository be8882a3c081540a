"""What a recipe says of a student that is solved: one solution an arm, and nothing of its training."""

from limbeck.console import say
from limbeck.errors import LimbeckError
from limbeck.models import is_solved
from limbeck.networks import TrainSettings
from limbeck.pipeline.training.slope import is_convex, require_convex
from limbeck.recipe import Recipe


def without_training(recipe: Recipe) -> Recipe:
    """Return the recipe with its first seed alone where the student is solved; any other recipe as it is.

    Raises:
        LimbeckError: some networks of the arms are solved and others are trained, or the recipe asks for what only a
            training has, or for a loss that no solver can follow.
    """
    tuned = [settings for arm in recipe.trained_arms for _, settings in recipe.candidates(arm)]
    solved = {settings.model.name: is_solved(settings.model) for settings in tuned}
    if not any(solved.values()):
        return recipe
    name = next(name for name, is_one in solved.items() if is_one)
    if trained := [other for other, is_one in solved.items() if not is_one]:
        raise LimbeckError(
            f"`{name}` is solved, and `{trained[0]}` is trained: arms of one run are made alike",
            where="student.model",
            fix="let student, baseline and grid have networks of one sort",
        )
    _refuse_steps(recipe, name)
    require_convex(recipe.losses, name)
    if any(settings.train != TrainSettings() for settings in tuned):
        say(f"  student.train is not used: `{name}` is solved, not trained", style="yellow")
    if recipe.seeds[1:]:
        say(f"  one solution stands for all seeds: `{name}` does not depend on them")
    return recipe.model_copy(update={"seeds": recipe.seeds[:1]})


def may_be_solved(recipe: Recipe) -> bool:
    """Return whether a student of the same recipe could be solved: nothing that it asks for takes a training."""
    steps = recipe.until or (recipe.curves and recipe.curves.steps)
    return not steps and all(is_convex(entry) for entry in recipe.losses)


def _refuse_steps(recipe: Recipe, name: str) -> None:
    asked = {"until": recipe.until, "curves.steps": recipe.curves and recipe.curves.steps}
    for key, value in asked.items():
        if value is not None:
            raise LimbeckError(f"`{name}` is solved and takes no steps", where=key, fix="set it to null")
