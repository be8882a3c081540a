"""The solver of linear models, against solutions in closed form, and how far it goes for them."""

import numpy as np
import pytest
from scipy import sparse
from scipy.special import log_softmax
from threadpoolctl import threadpool_info, threadpool_limits

from limbeck.data.least import _curvature, least

ROWS, FEATURES = 60, 8


class Squares:
    """Weighted squared errors of every column, which counts its calls."""

    def __init__(self, wanted, weights=(1.0,)):
        self.wanted, self.weights, self.calls = wanted, np.asarray(weights), 0

    def __call__(self, outputs):
        self.calls += 1
        left = outputs - self.wanted
        return (self.weights * left**2).sum() / 2 / len(left), self.weights * left / len(left)


def ridge(matrix, wanted, penalty, weight=1.0):
    """Return the least of `Squares` with a penalty, from the normal equations, (features + 1, columns)."""
    whole = np.concatenate([matrix, np.ones((len(matrix), 1))], axis=1)
    fine = penalty * np.diag([1.0] * matrix.shape[1] + [0.0])
    return np.linalg.solve(weight * whole.T @ whole / len(matrix) + fine, weight * whole.T @ wanted / len(matrix))


def made(columns=3):
    """Return features of very different sizes, and what is wanted of them."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(ROWS, FEATURES)) * np.logspace(-2, 2, FEATURES)
    return matrix, matrix @ np.diag(np.logspace(2, -2, FEATURES)) @ rng.normal(size=(FEATURES, columns))


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, sparse.csc_array])
@pytest.mark.parametrize("penalty", [1e-6, 1e-2])
def test_of_squared_errors_it_is_ridge_regression(form, penalty):
    matrix, wanted = made()
    found = least(form(matrix), Squares(wanted), penalty, np.zeros((FEATURES + 1, 3)))
    exact = ridge(matrix, wanted, penalty)
    np.testing.assert_allclose(matrix @ found[:-1] + found[-1], matrix @ exact[:-1] + exact[-1], atol=2e-3)


def test_features_and_columns_of_any_size_take_few_steps():
    """In units of a weight's own curvature; without, 1,000 steps do not do."""
    matrix, wanted = made()
    slope = Squares(wanted, weights=(0.1, 1.0, 10.0))
    found = least(matrix, slope, 1e-6, np.zeros((FEATURES + 1, 3)))
    assert slope.calls < 60
    for column, weight in enumerate(slope.weights):
        exact = ridge(matrix, wanted[:, column], 1e-6, weight)
        expected = matrix @ exact[:-1] + exact[-1]
        np.testing.assert_allclose(
            matrix @ found[:-1, column] + found[-1, column], expected, atol=5e-2 * np.abs(expected).max()
        )


def test_the_curvature_of_squares_is_their_weight():
    wanted = np.random.default_rng(0).normal(size=(ROWS, 2))
    np.testing.assert_allclose(_curvature(Squares(wanted, (2.0, 0.5)), np.zeros((ROWS, 2))), (2.0, 0.5))


def test_the_curvature_of_a_softmax_is_that_of_its_probabilities():
    """`p (1 - p)`, and what the others add cancels over many rows."""
    rng = np.random.default_rng(0)
    outputs, wanted = rng.normal(size=(20_000, 4)), rng.dirichlet([1] * 4, size=20_000)

    def slope(own):
        logs = log_softmax(own, axis=1)
        return -(wanted * logs).sum() / len(own), (np.exp(logs) - wanted) / len(own)

    p = np.exp(log_softmax(outputs, axis=1))
    np.testing.assert_allclose(_curvature(slope, outputs), (p * (1 - p)).mean(axis=0), rtol=0.03)


def test_what_is_flat_where_a_search_begins_is_still_found():
    """Huber's loss far away is linear: a column of it has no curvature there, beside one that has; nor have all."""

    def huber(outputs):
        left = outputs - np.array([50.0, 0.1])
        return np.where(np.abs(left) < 1, left**2 / 2, np.abs(left) - 0.5).sum() / len(left), left.clip(-1, 1) / len(
            left
        )

    def far(outputs):
        value, slope = huber(outputs[:, [0, 0]] + [0.0, -49.9])
        return value, slope.sum(axis=1, keepdims=True)

    none = np.zeros((ROWS, 1))
    both = least(none, huber, 1e-3, np.zeros((2, 2)))
    np.testing.assert_allclose(both[-1], (50.0, 0.1), atol=1e-3)
    assert _curvature(far, np.full((ROWS, 1), 200.0)) == 1
    np.testing.assert_allclose(least(none, far, 1e-3, np.array([[0.0], [200.0]]))[-1], 50.0, atol=1e-3)


def blas_threads():
    return {found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"}


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_products_take_one_thread_while_it_is_solved(form):
    seen = []

    def slope(outputs):
        seen.append(blas_threads())
        return Squares(np.zeros((ROWS, 1)))(outputs)

    with threadpool_limits(2, user_api="blas"):
        least(form(np.ones((ROWS, FEATURES))), slope, 1.0, np.ones((FEATURES + 1, 1)))
        assert {*map(frozenset, seen)} == {frozenset({1})}
        assert blas_threads() == {2}
