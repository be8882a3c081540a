"""The one solver of linear models: the least of a convex function of their outputs, with an L2 penalty."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.blas import one_thread

Slope = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]
"""Outputs (rows, columns) in, a convex function's value and its gradient by the outputs out."""
STEPS = 1000
NEARLY, SOLVED = 1e-6, 1e-7
"""Gain of a step, relative to the value where that is above 1, at which a search ends: where penalties are compared,
and of the one that is taken. A bound of the gradient says less: that of a rare feature is small everywhere."""
HISTORY = 3
"""Steps that L-BFGS remembers. With many columns it is busy with these, and not with the matrix."""
_STEP = 1e-4
"""By which outputs are moved to see how their gradient changes."""
_FLATTEST = 0.01
"""Least curvature of a column, of that of the most curved one: it may be curved elsewhere."""


def least(
    matrix: Any, slope: Slope, penalty: float, start: NDArray[np.float64], *, nearly: bool = False
) -> NDArray[np.float64]:
    """Return weights W and, in the last row, intercepts b, (features + 1, columns), in float64.

    They minimise `slope(matrix @ W + b) + penalty / 2 * |W|^2` by L-BFGS, with every weight in units in which the
    function is about equally curved: half the steps of a search without. No randomness.

    Args:
        matrix: (rows, features), dense or sparse.
        slope: see `Slope`.
        penalty: of the weights, not of the intercepts.
        start: where the search begins, of the form of what is returned.
        nearly: as far as it takes to compare penalties.
    """
    from scipy.optimize import minimize

    def cost(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        found = flat.reshape(start.shape) * unit
        weights, gradient = found[:-1], np.empty_like(found)
        value, by_output = slope(np.asarray(matrix @ weights) + found[-1])
        value += penalty * float(np.vdot(weights, weights)) / 2
        weights *= penalty
        np.add(matrix.T @ by_output, weights, out=gradient[:-1])
        by_output.sum(axis=0, out=gradient[-1])
        gradient *= unit
        return value, gradient.ravel()

    gain = NEARLY if nearly else SOLVED
    # The gradient in these units says nothing to anybody, and ends no search.
    options = {"maxiter": STEPS, "maxcor": HISTORY, "gtol": 0.0, "ftol": gain}
    with one_thread():
        unit = _units(matrix, slope, penalty, start)
        found = minimize(cost, (start / unit).ravel(), jac=True, method="L-BFGS-B", options=options).x
    return found.reshape(start.shape) * unit


def _units(matrix: Any, slope: Slope, penalty: float, start: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return of each weight and intercept, of the form of `start`, 1 / sqrt(second derivative), or about that."""
    from scipy import sparse

    rows = matrix.shape[0]
    curvature = _curvature(slope, np.asarray(matrix @ start[:-1]) + start[-1])
    of_sparse = sparse.issparse(matrix)
    squares = matrix.multiply(matrix).sum(axis=0) if of_sparse else np.einsum("rf,rf->f", matrix, matrix)
    mean = np.asarray(squares).reshape(-1, 1) / rows
    return 1 / np.sqrt(np.concatenate([mean * curvature + penalty, curvature[None]]))


def _curvature(slope: Slope, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum over rows of each column's second derivative at some outputs, about, (columns,); above 0.

    All outputs are moved at once, each up or down by chance, so that what they do to one another about cancels.

    Source: Bekas, Kokiopoulou and Saad 2007, "An estimator for the diagonal of a matrix", section 2.
    """
    move = np.random.default_rng(0).choice([-1.0, 1.0], outputs.shape)
    changed = slope(outputs + _STEP * move)[1] - slope(outputs - _STEP * move)[1]
    found = (move * changed).sum(axis=0) / (2 * _STEP)
    most = found.max()
    return np.maximum(found, _FLATTEST * most) if most > 0 else np.ones_like(found)
