"""What a point of the grid is worth on labelled rows that its networks have not seen."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from limbeck.data import Labels, Task
from limbeck.data.crossed import together
from limbeck.errors import LimbeckError
from limbeck.models.solved import SolvedByLosses
from limbeck.networks import NetworkSettings
from limbeck.pipeline.training.learn import Trained, chooses
from limbeck.pipeline.training.material import Lesson, Material
from limbeck.pipeline.training.slope import slope_of
from limbeck.recipe import Recipe
from limbeck.trainer import predict_logits

KEY = "selection.folds"
TrainFold = Callable[[Material, NetworkSettings, Path, str], Trained]
"""The rows of a fold, the settings, a folder and a title in, the trained network out."""


def require_held_out(recipe: Recipe, material: Material) -> None:
    """Refuse rows to choose by that cannot be held out, of the run and of its smaller numbers of labels.

    Raises:
        LimbeckError: nothing would be left to learn from, or the rows are a loader's.
    """
    folds, count = recipe.selection.folds, recipe.selection.unlabelled
    of_teacher = recipe.teacher.folds if recipe.teacher.refits else None
    if folds is None and count is None and of_teacher is None:
        return
    if not len(material.splits.transfer) and (folds or count) is not None:
        fix = "leave it out, and give more rows for validation"
        raise LimbeckError("rows of a loader cannot be held out", where="selection", fix=fix)
    fewer: list[int] = [] if recipe.curves is None else recipe.curves.labels or []
    for rows in [material, *(material.keeping(labels) for labels in fewer)]:
        if of_teacher is not None:
            parts_of(rows, of_teacher, "teacher.folds")
        if folds is not None and "baseline" in recipe.trained_arms:
            parts_of(rows, folds)
        if count is not None:
            rows.watching(count)


def parts_of(material: Material, folds: int, key: str = KEY) -> list[Material]:
    """Return the rows without each fold, of as many folds as there are labelled rows for.

    Args:
        material: all rows.
        folds: how many are wanted.
        key: of the recipe, that asks for them.

    Raises:
        LimbeckError: what is left of them is no training set.
    """
    count = min(folds, len(material.splits.labelled))
    return [material.fold(number, count, key) for number in range(count)]


def cross(
    folds: int, material: Material, settings: NetworkSettings, train: TrainFold, place: Path, title: str
) -> list[float]:
    """Return what a point of the grid is chosen by, of labelled rows that its networks have not seen.

    Each is answered for by a network of the last step: one that is best on a fold would have been chosen by its rows.

    Args:
        folds: of the labelled rows.
        material: all rows.
        settings: of the point.
        train: trains a network of it.
        place: beside which the folds' folders stand.
        title: shown while they are trained.
    """
    parts = parts_of(material, folds)
    last = {"keep": "last", "patience": None}
    settings = settings.model_copy(update={"train": settings.train.model_copy(update=last)})
    answers = []
    for number, part in enumerate(parts, 1):
        beside = place.with_name(f"{place.name}-fold-{number}-of-{len(parts)}")
        found = train(part, settings, beside, f"{title}, without fold {number} of {len(parts)}")
        answers.append(found.logits(found.view.validation))
    return _scores(material, answers)


def cross_solved(
    folds: int, material: Material, settings: NetworkSettings, lesson_of: Callable[[Material], Lesson]
) -> tuple[list[float], Mapping[str, float]]:
    """Return the same of a point whose network is solved: of its best penalty, which one that is, and its temperature.

    Penalties are compared over all folds together, each with one temperature for all.

    Args:
        folds: of the labelled rows.
        material: all rows.
        settings: of the point.
        lesson_of: what is learned of the rows without a fold.
    """
    parts = parts_of(material, folds)
    tried: dict[float, list[NDArray[np.float32]]] = {}
    for part in parts:
        for strength, answers in _path(part, settings, lesson_of(part)).items():
            tried.setdefault(strength, []).append(answers)
    found = {one: _scores(material, answers) for one, answers in tried.items()}
    best = max(found, key=lambda strength: found[strength])
    chosen = {"strength": best}
    with suppress(LimbeckError):  # of other tasks than classification there is none
        chosen["temperature"] = _task(material).temperature(*_outputs(material, tried[best]))
    return found[best], chosen


def _path(part: Material, settings: NetworkSettings, lesson: Lesson) -> dict[float, NDArray[np.float32]]:
    """Return the answers for a fold at each strength that the solver tries."""
    network, view = part.build(settings, seed=0), part.view(settings)
    if not isinstance(network, SolvedByLosses):
        raise TypeError("it is not solved by losses")
    answers: list[NDArray[np.float32]] = []

    def cost(candidate: nn.Module) -> float:
        answers.append(predict_logits(lesson.task.finish(candidate), view.validation).numpy())
        return -len(answers)  # one fold alone ends nothing: each strength is as good as the next one

    network.solve(lesson.rows, slope_of(lesson), cost=cost)
    return dict(zip(network.strengths, answers, strict=True))


def _scores(material: Material, answers: Sequence[NDArray[np.float32]]) -> list[float]:
    """Return what chooses, of the answers for each fold's rows."""
    return chooses(_task(material), *_outputs(material, answers))


def _outputs(material: Material, answers: Sequence[NDArray[np.float32]]) -> tuple[NDArray[np.float32], Labels]:
    """Return the answers of all folds for the labelled rows, and the rows' labels."""
    splits = material.splits
    return together(splits.folds(len(answers)), answers), splits.labelled.labels


def _task(material: Material) -> Task:
    return material.splits.task.fit(material.splits.labelled.labels)
