"""Models of features that anybody would try first: ridge regression, and boosted trees."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.data.fitted import FloorModel, HasOutputs, count_numbers
from limbeck.data.modality import Cells

ALPHA_GRID = (100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03)
"""Strengths of the L2 penalty that are tried, strongest first."""
TREES, LEAVES = (30, 100), (7, 31)
"""Numbers of boosted trees, and of leaves of each at most, that are tried."""


def ridges(
    matrix: Any, labels: NDArray[np.float64], mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> list[FloorModel]:
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
        FloorModel(
            "ridge regression", {"alpha": alpha}, model.coef_.size + labels.shape[1], _Values(model, mean, scale)
        )
        for alpha, model in models.items()
    ]


def boosted(cells: Cells, labels: NDArray[np.float64]) -> list[FloorModel]:
    """Return gradient-boosted trees of each column of the label, one a size, smallest first; no randomness.

    Args:
        cells: of the rows.
        labels: (rows, columns).
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    found = []
    for leaves in LEAVES:
        for trees in TREES:
            models: list[Any] = [
                HistGradientBoostingRegressor(
                    max_iter=trees,
                    max_leaf_nodes=leaves,
                    categorical_features=cells.categorical,
                    early_stopping=False,
                    random_state=0,
                ).fit(cells.values, column)
                for column in labels.T
            ]
            numbers = sum(map(count_numbers, models))
            found.append(FloorModel("gradient boosting", {"trees": trees, "leaves": leaves}, numbers, _Trees(models)))
    return found


class _Trees(HasOutputs):
    def __init__(self, models: list[Any]) -> None:
        self._models = models

    def outputs(self, matrix: Cells) -> NDArray[np.float32]:
        """Return (rows, columns) in the labels' units."""
        return np.stack([model.predict(matrix.values) for model in self._models], axis=1).astype(np.float32)


class _Values(HasOutputs):
    def __init__(self, model: Any, mean: NDArray[np.float64], scale: NDArray[np.float64]) -> None:
        self._model, self._mean, self._scale = model, mean, scale

    def outputs(self, matrix: Any) -> NDArray[np.float32]:
        """Return (rows, columns) in the labels' units."""
        found = self._model.predict(matrix).reshape(-1, len(self._mean))
        return (found * self._scale + self._mean).astype(np.float32)
