"""The floor: what a reader gets from the same labels with simple features and a linear model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.data import Features, LinearModel, Splits


@dataclass(frozen=True)
class Floor:
    """A fitted floor.

    Attributes:
        test_outputs: `(n, outputs)` float32: of a classification, log-probabilities.
        validation_outputs: the same of the validation rows.
        settings: what was chosen on validation.
        parameters: numbers that features and linear model have learned.
        size_bytes: an honest estimate of what shipping it takes: the parameters as float32 and the vocabulary as UTF-8.
            The scikit-learn objects, pickled, are larger.
        predict: examples to outputs, for the cost measurement. Runs in scikit-learn, not ONNX.
    """

    test_outputs: NDArray[np.float32]
    validation_outputs: NDArray[np.float32]
    settings: dict[str, float | int | str | bool | None]
    parameters: int
    size_bytes: int
    predict: Callable[[Sequence[Any]], NDArray[np.float32]]


def fit_floor(splits: Splits) -> Floor | None:
    """Fit the modality's features and the task's linear model to the labelled rows that the student had, and no more.

    Features and strength are chosen on validation by the task's cost, the first ones among equals. None where the
    modality has no features, or the task no linear model. No randomness.
    """
    task = splits.task.fit(splits.labelled.labels)
    best: tuple[float, Features, LinearModel] | None = None
    for features in splits.modality.features():
        matrix = features.fit(splits.labelled.values)
        models = [] if matrix is None else task.linear(matrix, splits.labelled.labels)
        held_out = features.matrix(splits.validation.values) if models else None
        for linear in models:
            cost = task.cost(linear.model.outputs(held_out), splits.validation.labels)
            if best is None or cost < best[0]:
                best = cost, features, linear
    if best is None:
        return None
    _, features, linear = best

    def predict(values: Sequence[Any]) -> NDArray[np.float32]:
        return linear.model.outputs(features.matrix(values))

    parameters = linear.parameters + features.parameters
    return Floor(
        predict(splits.test.values),
        predict(splits.validation.values),
        {**linear.settings, **features.settings},
        parameters,
        4 * parameters + features.size_bytes,
        predict,
    )
