"""The one solver of linear models: the least of a convex function of their outputs, with an L2 penalty."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Slope = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]
"""Outputs (rows, columns) in, a convex function's value and its gradient by the outputs out."""
STEPS = 1000
GRADIENT = 1e-5
"""Largest entry of the gradient at the solution. At scikit-learn's 1e-4 a weak penalty changes nothing: where a search
begins at the solution of a stronger one, it is over before the first step."""
NEARLY = 1e-6
"""Relative gain of a step, after which a penalty can be compared with others: in four fifths of the time."""
HISTORY = 5
"""Steps that L-BFGS remembers. With many columns it is busy with these, and not with the matrix: 10, scipy's default,
take 1.6 times as long for 77 classes."""


def least(
    matrix: Any, slope: Slope, penalty: float, start: NDArray[np.float64], *, nearly: bool = False
) -> NDArray[np.float64]:
    """Return weights W and, in the last row, intercepts b, (features + 1, columns), in float64.

    They minimise `slope(matrix @ W + b) + penalty / 2 * |W|^2` by L-BFGS: no randomness.

    Args:
        matrix: (rows, features), dense or sparse.
        slope: see `Slope`.
        penalty: of the weights, not of the intercepts.
        start: where the search begins, of the form of what is returned.
        nearly: as far as it takes to compare penalties.
    """
    from scipy.optimize import minimize

    def cost(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        found = flat.reshape(start.shape)
        weights = found[:-1]
        value, by_output = slope(np.asarray(matrix @ weights) + found[-1])
        by_weight = matrix.T @ by_output + penalty * weights
        value += penalty * float(np.vdot(weights, weights)) / 2
        return value, np.concatenate([by_weight, by_output.sum(axis=0, keepdims=True)]).ravel()

    gain = NEARLY if nearly else 64 * np.finfo(float).eps
    options = {"maxiter": STEPS, "maxcor": HISTORY, "gtol": GRADIENT, "ftol": gain}
    return minimize(cost, start.ravel(), jac=True, method="L-BFGS-B", options=options).x.reshape(start.shape)
