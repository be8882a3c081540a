"""What a recipe leaves out, chosen from the data and from the time that a run may take."""

from collections.abc import Callable, Sequence
from typing import Any

from limbeck.console import say
from limbeck.data import Splits
from limbeck.errors import LimbeckError
from limbeck.modalities import DEFAULT
from limbeck.pipeline.planning.held_out import fewer_held_out
from limbeck.pipeline.planning.limits import within_limits
from limbeck.pipeline.planning.texts import plan_texts
from limbeck.pipeline.training.material import Material
from limbeck.recipe import Recipe

__all__ = ["planned", "within_budget", "within_limits"]


def within_budget(recipe: Recipe, material: Material, make: Callable[[Recipe], Material]) -> tuple[Recipe, Material]:
    """Return a recipe as it is planned, and the rows that it asks for: these, or, where it leaves some out, others.

    Args:
        recipe: as it was read.
        material: all of its rows.
        make: returns the rows of a recipe.

    Raises:
        LimbeckError: see `planned`.
    """
    reasons: list[tuple[str, str]] = []
    if (rows := fewer_held_out(recipe, material.splits)) is not None:
        reasons.append((f"data.split.validation={rows}", _few(material.splits)))
        split = recipe.data.split.model_copy(update={"validation": rows, "test": _test(recipe, material.splits)})
        recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"split": split})})
        material = make(recipe)
    complete = planned(recipe, material.splits, reasons)
    fewer = complete.data.max_unlabelled != recipe.data.max_unlabelled
    return complete, make(complete) if fewer else material


def _few(splits: Splits) -> str:
    return f"not {len(splits.validation)}: few labels are to be learned from; folds and the teacher's answers choose"


def _test(recipe: Recipe, splits: Splits) -> Any:
    """Return the test's size as it stands, so that its rows stay the same ones."""
    return recipe.data.split.test if recipe.data.split.test is not None else max(2, len(splits.test))


def planned(recipe: Recipe, splits: Splits, reasons: Sequence[tuple[str, str]] = ()) -> Recipe:
    """Return a recipe with nothing left open, where it has a budget, and say what was chosen; any other as it is.

    It depends on the recipe and the data alone, and on no clock: a run that goes on has the plan that it began with.

    Args:
        recipe: as it was read.
        splits: its rows.
        reasons: what was chosen before, and why.

    Raises:
        LimbeckError: the data are none that can be planned for.
    """
    if recipe.budget is None or recipe.budget.minutes is None:
        return recipe
    if splits.modality.name != DEFAULT:
        raise LimbeckError(
            f"runs on texts can be planned, and these are {splits.modality.noun}s",
            where="budget.minutes",
            fix="set it to null",
        )
    plan = plan_texts(recipe, splits, recipe.budget.minutes)
    minutes = recipe.budget.minutes
    say(f"  planned for {minutes:g} minute{'' if minutes == 1 else 's'}:")
    for line, why in (*reasons, *plan.reasons):
        say(f"    {line}: {why}")
    return plan.complete()
