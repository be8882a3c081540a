"""Validation rows that become labelled ones, where other rows make the choices."""

from limbeck.data import Splits
from limbeck.modalities import DEFAULT
from limbeck.models import is_solved
from limbeck.pipeline.planning.texts import plan_texts
from limbeck.recipe import Recipe

_LABELS_A_ROW = 50
"""Labels for each validation row that is still held out."""
_FEWEST = 2


def fewer_held_out(recipe: Recipe, splits: Splits) -> int | None:
    """Return how many rows are enough for validation; None: it stays as it is.

    Few labels are worth more to learn from. They may be learned from where nothing is chosen on validation: the
    teacher's strengths, temperatures and weights by folds, the baseline by folds, what hears the teacher by its answers
    for unlabelled rows, and no network by its checkpoints.

    Args:
        recipe: as it was read, with a number of validation rows that is open.
        splits: its rows, of which a usual share is held out.
    """
    budget, split = recipe.budget, recipe.data.split
    if budget is None or budget.minutes is None or splits.modality.name != DEFAULT:
        return None
    if split.validation is not None or splits.brings_validation or recipe.data.labelled is not None:
        return None
    if splits.task.fits_decision:  # to validation rows
        return None
    plan = plan_texts(recipe, splits, budget.minutes).complete()
    chosen_elsewhere = plan.teacher.folds and plan.selection.folds and plan.selection.unlabelled
    if not chosen_elsewhere or recipe.curves is not None or _chooses_checkpoints(plan):
        return None
    rows = max(_FEWEST, (len(splits.labelled) + len(splits.validation)) // _LABELS_A_ROW)
    return rows if rows < len(splits.validation) else None


def _chooses_checkpoints(recipe: Recipe) -> bool:
    """Return whether a training keeps what is best on validation, or ends by it (`patience` needs `keep: best`)."""
    arms = [settings for arm in recipe.trained_arms for _, settings in recipe.candidates(arm)]
    trainings = [settings.train for settings in arms if not is_solved(settings.model)]
    tuned = [getattr(member, "train", None) for member in recipe.teacher.members if member.by_steps]
    if recipe.until is not None:
        return True
    return any(train is None or train.keep != "last" for train in (*trainings, *tuned))
