"""A teacher that moved beside its student, as it was after the last step: from there on it is any network."""

import copy
from pathlib import Path

from safetensors.torch import load_model

from limbeck.console import say
from limbeck.digest import digest
from limbeck.models.published import saved
from limbeck.pipeline.training.arms import Arm
from limbeck.pipeline.training.learn import Trained
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.once import MOVED
from limbeck.pipeline.training.teacher import RunTeacher, members_of
from limbeck.recipe import Recipe
from limbeck.report import words
from limbeck.trainer import History
from limbeck.types import best_device


def moved_teacher(recipe: Recipe, material: Material, student: Arm, folder: Path) -> RunTeacher:
    """Return the teacher that moved beside the student of the first seed, and say how good it has become.

    It answers for the rows on which a run judges its teacher; no student learns from these answers.

    Args:
        recipe: of the run.
        material: the rows.
        student: the arm, trained.
        folder: of the run.
    """
    trained, splits = student.trained[recipe.seeds[0]], material.splits
    assert trained.weights is not None  # of a network that was trained here
    weights = trained.weights.with_name(MOVED)
    model = copy.deepcopy(trained.model)
    load_model(saved(model), weights, device=str(best_device()))
    named = digest([trained.digest, recipe.teacher.kind])
    made = Trained(model.eval(), History(0), trained.view, named, trained.code, weights)
    teacher = RunTeacher(tuple(members_of(recipe, (made,), splits, folder)), (1.0,), splits)
    task = splits.task.fit(splits.labelled.labels)
    score = task.metric(task.decided_sheet(teacher.logits("validation"), splits.validation.labels))
    said = f"{task.metric.title} {words.score(score, task.metric)} on {len(splits.validation):,} validation rows"
    say(f"  teacher, as it moved beside the student of seed {recipe.seeds[0]}: {said}")
    return teacher
