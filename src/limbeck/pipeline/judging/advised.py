"""What advice depends on besides figures: what a person types for another teacher, another student, a larger test."""

from collections.abc import Sequence

from limbeck.data import Splits
from limbeck.evaluation.records import SelectionRecord, ServedRecord, StudentRecord, TeacherRecord
from limbeck.losses import PLAIN, fitting, hears_teacher, term_from
from limbeck.models import MODELS, is_solved
from limbeck.pipeline.training.material import GIVEN
from limbeck.pipeline.training.solved import may_be_solved
from limbeck.recipe import Recipe
from limbeck.teachers import CATALOGUE


def teacher_record(recipe: Recipe, served: Sequence[ServedRecord] = ()) -> TeacherRecord:
    """Return what the teacher is; one that reads what a floor does is told where it fits data and task.

    Args:
        recipe: of the run.
        served: what is recorded of those that a server answers for.
    """
    teacher, task, modality = recipe.teacher, recipe.task, recipe.data.modality
    alike = [
        name
        for name, kind in CATALOGUE.items()
        if kind.like_floor and kind.of_modalities == (modality.name,) and (task.one_class or not kind.of_classes)
    ]
    own = any(member.like_floor for member in teacher.members)
    return TeacherRecord(
        another=teacher.another,
        by_steps=teacher.by_steps,
        like_floor=None if own or not alike else teacher.another_kind.format(alike[0]),
        served=[*served],
    )


def selection_record(recipe: Recipe) -> SelectionRecord:
    """Return by what choices were made, besides the validation split."""
    wanted = recipe.selection
    return SelectionRecord(
        teacher_folds=recipe.teacher.folds if recipe.teacher.refits else None,
        baseline_folds=wanted.folds if "baseline" in recipe.trained_arms else None,
        watched=wanted.unlabelled,
    )


def student_record(recipe: Recipe, reads: str, passed_over: str | None) -> StudentRecord:
    """Return what the student's network is; a linear one is told where the recipe's losses can be solved for.

    Args:
        recipe: of the run.
        reads: `Form.kind` of what the student reads.
        passed_over: the trained network in the place of which a solved one stands; None: none.
    """
    model, candidates = recipe.student.model, recipe.candidates("student")
    linear = [name for name, one in MODELS.items() if one.solved and one.reads == reads]
    trained = sorted({one.model.name for _, one in candidates if not is_solved(one.model)})
    fits = linear and not any(is_solved(one.model) for _, one in candidates) and may_be_solved(recipe)
    # What the grid varies may be of no use to it.
    typed = f"{model.another_model.format(linear[0])}{' grid={}' if recipe.grid else ''}" if fits else None
    # A point of the grid that names a network takes the place of the student's.
    another = "grid=[{model: NAME}]" if any("model" in point for point, _ in candidates) else model.another
    return StudentRecord(
        another=another, linear=typed, plain_losses=_plain_losses(recipe), hears_teacher=hears_teacher(recipe.losses),
        trained=trained, passed_over=passed_over,
    )  # fmt: skip


def _plain_losses(recipe: Recipe) -> str | None:
    """Return what to type for kd beside the labels; None where the student learns from them, or they do not fit."""
    plain, terms = PLAIN.entries(), [term_from(entry) for entry in recipe.losses if entry.counts]
    known = {entry["name"] for entry in plain}
    already = all(term.name in known and term.transform is None for term in terms)
    if already or not known <= {*fitting(recipe.task.predicts)}:
        return None
    typed = (", ".join(f"{key}: {value}" for key, value in entry.items()) for entry in plain)
    return f"losses=[{', '.join(f'{{{entry}}}' for entry in typed)}]"


def more_test(recipe: Recipe, splits: Splits) -> str:
    """Return what to type for more test rows: a setting where they were held out, else other data."""
    data, split = recipe.data, recipe.data.split
    if "test" in split.rules:
        return "data.split.test={COLUMN: [VALUES]}"
    asked = split.sizes.get("test", len(splits.test))
    if data.modality.usage.in_files and asked <= len(splits.test) < asked + split.block:
        return "data.split.test=N"
    if data.source == GIVEN:
        return "limbeck.distill(test=...)"
    return "data.source=DATA" if data.target is None else "data.target.source=DATA"


def more_labels(recipe: Recipe) -> str:
    """Return what to type for more labelled rows: a setting where it leaves labels out, else other data."""
    if recipe.data.labelled is not None:
        return "data.labelled=N"
    return "limbeck.distill(train=...)" if recipe.data.source == GIVEN else "data.source=DATA"
