"""Models of features that anybody would try first, one a class: logistic regression, and boosted trees."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.data.fitted import FloorModel, HasOutputs
from limbeck.data.modality import Cells
from limbeck.tasks.classification.linear import C_GRID, REGRESSION, boosted_trees, distilled_regressions


def regressions_by_class(matrix: Any, labels: NDArray[np.bool_]) -> list[FloorModel]:
    """Return logistic regressions, one a class together, one such set a penalty, strongest first; no randomness.

    Args:
        matrix: (rows, features).
        labels: (rows, classes) bool.
    """
    found = []
    for C in C_GRID:
        models = [_fitted(matrix, column, C) for column in labels.T]
        parameters = sum(1 if isinstance(model, float) else model.coef_.size + 1 for model in models)
        found.append(FloorModel(REGRESSION, {"C": C}, parameters, _Regressions(models)))
    return found


def boosted_by_class(cells: Cells, labels: NDArray[np.bool_]) -> list[FloorModel]:
    """Return boosted trees, of every class together, one such set a size; none where a class is in all rows or none."""
    if not (labels.any(axis=0) & ~labels.all(axis=0)).all():
        return []
    return _together([boosted_trees(cells, column.astype(np.int64), 2, None) for column in labels.T])


def distilled_by_class(matrix: Any, answers: NDArray[np.float32]) -> list[FloorModel]:
    """Return logistic regressions on a teacher's probabilities, of every class together, one such set a penalty.

    Args:
        matrix: (rows, features).
        answers: (rows, classes) log-odds.
    """
    both = [np.stack([np.zeros_like(column), column], axis=1) for column in answers.T]
    return _together([distilled_regressions(matrix, each) for each in both])


def _together(by_class: Sequence[Sequence[FloorModel]]) -> list[FloorModel]:
    return [
        FloorModel(
            alike[0].method,
            alike[0].settings,
            sum(one.parameters for one in alike),
            _Odds([one.model for one in alike]),
        )
        for alike in zip(*by_class, strict=True)
    ]


def _fitted(matrix: Any, labels: NDArray[np.bool_], C: float) -> Any:
    """Return a regression; of a class that all rows have, or none, a constant: the log-odds with one row added."""
    from sklearn.linear_model import LogisticRegression

    if 0 < (yes := int(labels.sum())) < len(labels):
        return LogisticRegression(C=C, max_iter=1000).fit(matrix, labels)
    return float(np.log(len(labels) + 1) * (1 if yes else -1))


class _Regressions(HasOutputs):
    def __init__(self, models: list[Any]) -> None:
        self._models = models

    def outputs(self, matrix: Any) -> NDArray[np.float32]:
        """Return (rows, classes) log-odds."""
        rows = matrix.shape[0]
        columns = [
            np.full(rows, model) if isinstance(model, float) else model.decision_function(matrix)
            for model in self._models
        ]
        return np.stack(columns, axis=1).astype(np.float32)


class _Odds(HasOutputs):
    """Models of `no` and `yes`, one a class."""

    def __init__(self, models: Sequence[HasOutputs]) -> None:
        self._models = models

    def outputs(self, matrix: Any) -> NDArray[np.float32]:
        """Return (rows, classes) log-odds."""
        every = [model.outputs(matrix) for model in self._models]
        return np.stack([logs[:, 1] - logs[:, 0] for logs in every], axis=1)
