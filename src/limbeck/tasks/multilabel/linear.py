"""Logistic regression a class on a matrix of features: what anybody would try first."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.data.task import HasOutputs, LinearModel
from limbeck.tasks.classification.linear import C_GRID


def regressions_by_class(matrix: Any, labels: NDArray[np.bool_]) -> list[LinearModel]:
    """Return logistic regressions, one a class together, one such set a penalty, strongest first; no randomness.

    Args:
        matrix: (rows, features).
        labels: (rows, classes) bool.
    """
    found = []
    for C in C_GRID:
        models = [_fitted(matrix, column, C) for column in labels.T]
        parameters = sum(1 if isinstance(model, float) else model.coef_.size + 1 for model in models)
        found.append(LinearModel({"C": C}, parameters, _Regressions(models)))
    return found


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
