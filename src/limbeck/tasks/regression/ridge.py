"""Ridge regression on a matrix of features: what anybody would try first."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.data.task import HasOutputs, LinearModel

ALPHA_GRID = (100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03)
"""Strengths of the L2 penalty that are tried, strongest first."""


def ridges(
    matrix: Any, labels: NDArray[np.float64], mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> list[LinearModel]:
    """Return ridge regressions of standardised values, one a penalty, strongest first; no randomness.

    Args:
        matrix: (rows, features).
        labels: (rows, columns).
        mean: (columns,).
        scale: (columns,), > 0.
    """
    from sklearn.linear_model import Ridge

    targets = (labels - mean) / scale
    models = {alpha: Ridge(alpha=alpha).fit(matrix, targets) for alpha in ALPHA_GRID}
    return [
        LinearModel({"alpha": alpha}, model.coef_.size + labels.shape[1], _Values(model, mean, scale))
        for alpha, model in models.items()
    ]


class _Values(HasOutputs):
    def __init__(self, model: Any, mean: NDArray[np.float64], scale: NDArray[np.float64]) -> None:
        self._model, self._mean, self._scale = model, mean, scale

    def outputs(self, matrix: Any) -> NDArray[np.float32]:
        """Return (rows, columns) in the labels' units."""
        found = self._model.predict(matrix).reshape(-1, len(self._mean))
        return (found * self._scale + self._mean).astype(np.float32)
