"""What a point of the grid is worth on labelled rows that its networks have not seen."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from limbeck.networks import NetworkSettings
from limbeck.pipeline.training.learn import Trained
from limbeck.pipeline.training.material import Material

TrainFold = Callable[[Material, NetworkSettings, Path, str], Trained]
"""The rows of a fold, the settings, a folder and a title in, the trained network out."""


def cross(
    folds: int,
    material: Material,
    settings: NetworkSettings,
    train: TrainFold,
    place: Path,
    title: str,
) -> tuple[list[float], NetworkSettings]:
    """Return what a point of the grid is chosen by, of labelled rows that its networks have not seen.

    Also the settings with what the networks of the folds have chosen for themselves: one that is solved with all rows
    has no rows to choose by.

    Args:
        folds: of the labelled rows.
        material: all rows.
        settings: of the point.
        train: trains a network of it.
        place: beside which the folds' folders stand.
        title: shown while they are trained.
    """
    splits = material.splits
    outputs = np.empty((len(splits.labelled), splits.task.outputs), np.float32)
    chosen: list[Mapping[str, float]] = []
    for number in range(folds):
        part = material.fold(number, folds)
        beside = place.with_name(f"{place.name}-fold-{number}-of-{folds}")
        found = train(part, settings, beside, f"{title}, without fold {number + 1} of {folds}")
        outputs[splits.folds(folds) == number] = found.logits(found.view.validation)
        chosen.append(found.history.chosen)
    task = splits.task.fit(splits.labelled.labels)
    sheet = task.decided_sheet(outputs, splits.labelled.labels)
    scores = task.chooses({metric.name: metric(sheet) for metric in task.watched()})
    return scores, settings.model_copy(update={"model": settings.model.taking(chosen)})
