"""What a recipe's `until` means on the validation split."""

from limbeck.console import say
from limbeck.errors import LimbeckError
from limbeck.evaluation.records import Level
from limbeck.pipeline.training.teacher import RunTeacher
from limbeck.recipe import Recipe
from limbeck.report import words


def wanted(recipe: Recipe, answers: RunTeacher) -> Level | None:
    """Return the level at which an arm's training ends, and say it; None when the recipe has no `until`.

    Raises:
        LimbeckError: a share of the teacher's metric is asked for, and that is 0.
    """
    asked, task = recipe.until, answers.splits.task
    if asked is None:
        return None
    if asked.retention is None:
        assert asked.accuracy is not None  # a recipe has exactly one of them
        until = Level(metric="accuracy", value=asked.accuracy, quantity="accuracy", level=asked.accuracy)
    else:
        own = task.metric(task.decided_sheet(answers.logits("validation"), answers.splits.validation.labels))
        if not own:
            raise LimbeckError(
                "the teacher gets no validation row right, so that no share of it can be asked for",
                where="until.retention",
                fix="compare the labels of the validation split with those of the training rows",
            )
        level = asked.retention * own
        until = Level(metric="retention", value=asked.retention, quantity=task.metric.name, level=level)
    beyond = "; no network can reach that" if until.level > 1 else ""
    say(f"  until: {words.level(until)}{beyond}")
    return until
