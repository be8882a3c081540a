"""The one solver of linear models: the least of a convex function of their outputs, with an L2 penalty."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Slope = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]
"""Outputs (rows, columns) in, a convex function's value and its gradient by the outputs out."""
STEPS = 1000
GRADIENT = 1e-4
"""Largest entry of the gradient at the solution, as scikit-learn's LogisticRegression stops."""


def least(
    matrix: Any, slope: Slope, penalty: float, start: NDArray[np.float64], *, gradient: float = GRADIENT
) -> NDArray[np.float64]:
    """Return weights W and, in the last row, intercepts b, (features + 1, columns), in float64.

    They minimise `slope(matrix @ W + b) + penalty / 2 * |W|^2` by L-BFGS: no randomness.

    Args:
        matrix: (rows, features), dense or sparse.
        slope: see `Slope`.
        penalty: of the weights, not of the intercepts.
        start: where the search begins, of the form of what is returned.
        gradient: it ends where no entry of the gradient is larger.
    """
    from scipy.optimize import minimize

    def cost(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        found = flat.reshape(start.shape)
        weights = found[:-1]
        value, by_output = slope(np.asarray(matrix @ weights) + found[-1])
        by_weight = matrix.T @ by_output + penalty * weights
        value += penalty * float(np.vdot(weights, weights)) / 2
        return value, np.concatenate([by_weight, by_output.sum(axis=0, keepdims=True)]).ravel()

    options = {"maxiter": STEPS, "gtol": gradient, "ftol": 64 * np.finfo(float).eps}
    return minimize(cost, start.ravel(), jac=True, method="L-BFGS-B", options=options).x.reshape(start.shape)
