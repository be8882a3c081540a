"""Answers for the labelled rows by teachers that have not seen them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from limbeck.console import say
from limbeck.data import Splits
from limbeck.data.crossed import together
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.work import RunWork
from limbeck.recipe import Recipe
from limbeck.teachers import Made

FOLDER = "folds"
Ask = Callable[[Sequence[Made], Splits, Path], list[NDArray[np.float32]]]
"""Networks of a fold, its splits and its folder in; each network's logits for the fold's validation rows out."""


def cross_answers(
    recipe: Recipe, material: Material, folder: Path, ask: Ask, note: str = ""
) -> list[NDArray[np.float32]]:
    """Return each member's logits for the labelled rows, (rows, outputs) float32, by networks made without them.

    The labelled rows are divided into folds. For each fold the teacher is made once more, with the first seed and the
    other folds' labels, and answers for the rows that it has not seen.

    Source: Wolpert 1992, "Stacked Generalization", section II.

    Args:
        recipe: whose teacher is made from the labels of the run; it says how many folds there are.
        material: of the run.
        folder: in which the folder of the folds stands.
        ask: how networks are asked.
        note: tells the trainings from those of another teacher in the run.

    Raises:
        LimbeckError: a fold leaves no training set.
    """
    folds = min(recipe.teacher.folds or 0, len(material.splits.labelled))
    answers: list[list[NDArray[np.float32]]] = []
    for number in range(folds):
        say(f"  the teacher without fold {number + 1} of {folds} of the labelled rows{note}")
        part, place = material.fold(number, folds), folder / FOLDER / f"{number}-of-{folds}"
        named = f"{note}, without fold {number + 1} of {folds}"
        answers.append(ask(recipe.teacher.make(RunWork(recipe, part, place, named)), part.splits, place))
    return [together(material.splits.folds(folds), parts) for parts in zip(*answers, strict=True)]
