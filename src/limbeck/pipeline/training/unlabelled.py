"""A run whose training rows have no label: only a finished teacher says what they are."""

from limbeck.errors import LimbeckError
from limbeck.losses import CATALOG
from limbeck.recipe import Recipe


def require_labels(recipe: Recipe) -> None:
    """Refuse what learns from labels where `data.labelled` is 0. The recipe is settled.

    Raises:
        LimbeckError: something does.
    """
    if recipe.data.labelled != 0:
        return
    learns = "no training row keeps its label, and "
    if not recipe.task.one_class:
        raise LimbeckError(
            f"{learns}a {recipe.task.kind} takes its scales or columns from them", where="data.labelled", fix="raise it"
        )
    if recipe.teacher.refits:
        raise LimbeckError(
            f"{learns}this teacher learns from them", where="data.labelled", fix="raise it, or take a finished teacher"
        )
    if "baseline" in recipe.trained_arms:
        raise LimbeckError(f"{learns}the baseline learns from nothing else", where="baseline", fix="set baseline=false")
    for loss in recipe.losses:
        if "labels" in CATALOG[loss.name].card.needs:
            raise LimbeckError(
                f"{learns}`{loss.name}` learns from them",
                where="losses",
                fix="leave it out, and take kd",
            )
