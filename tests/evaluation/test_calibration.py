"""Temperatures and mixtures against searches of another kind, and rows that count more than once."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from limbeck.evaluation import calibrated_nll, fit_temperature, mean_weights, mixture_weights, nll, product_weights


def answers(rows=400, classes=3, *, seed=0, scale=1.0):
    """Return logits of which softmax(logits / scale) is right about itself, and labels."""
    rng = np.random.default_rng(seed)
    honest = 1.5 * rng.normal(size=(rows, classes))
    labels = np.array([rng.choice(classes, p=p) for p in softmax(honest, axis=1)])
    return (scale * honest).astype(np.float32), labels


@pytest.mark.parametrize("scale", [0.1, 1.0, 8.0])
def test_the_temperature_is_the_best_of_a_grid(scale):
    logits, labels = answers(scale=scale)
    grid = np.exp(np.arange(np.log(0.05), np.log(20), 0.002))
    best = grid[np.argmin([nll(logits.astype(np.float64) / T, labels) for T in grid])]
    assert 0.8 * scale < best < 1.25 * scale
    assert fit_temperature(logits, labels) == pytest.approx(best, rel=5e-3)
    assert calibrated_nll(logits, labels) == pytest.approx(nll(logits / best, labels), rel=1e-5)


@pytest.mark.parametrize("models", [2, 3, 5])
def test_the_mixture_is_the_optimum_on_the_simplex(models):
    """Of models that are right about themselves on a part of the rows each, and of one that says little."""
    rng = np.random.default_rng(models)
    first, labels = answers()
    logits = [first + rng.normal(size=first.shape) * (0.3 + 0.5 * member) for member in range(models - 1)]
    logits = [*logits, 0.1 * rng.normal(size=first.shape)]
    right = np.stack([softmax(each, axis=1)[np.arange(len(labels)), labels] for each in logits], axis=1)
    found = minimize(
        lambda w: -np.log(right @ w).mean(),
        np.full(models, 1 / models),
        bounds=[(0, 1)] * models,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    weights = mixture_weights(logits, labels)
    assert sum(weights) == pytest.approx(1)
    np.testing.assert_allclose(weights, found.x, atol=2e-3)
    assert max(weights) > 0.05 + 1 / models


@pytest.mark.parametrize("models", [2, 3])
def test_the_exponents_of_a_product_are_the_optimum(models):
    rng = np.random.default_rng(models)
    first, labels = answers()
    logits = [first + rng.normal(size=first.shape) * (1 + 0.2 * member) for member in range(models - 1)]
    logits = [*logits, -0.3 * first]  # one that is wrong: its best exponent is 0
    logs = [log_softmax(each, axis=1) for each in logits]

    def cost(weights):
        pooled = log_softmax(sum(w * each for w, each in zip(weights, logs, strict=True)), axis=1)
        prior = sum((w - 1 / models) ** 2 for w in weights) / 2
        return -pooled[np.arange(len(labels)), labels].sum() + prior

    found = product_weights(logits, labels)
    assert found[-1] == 0
    assert min(found[:-1]) > 0.1
    for member in range(models):
        for step in (-0.01, 0.01):
            other = [w + step * (member == place) for place, w in enumerate(found)]
            assert min(other) < 0 or cost(other) >= cost(found) - 1e-6


def test_the_exponents_of_models_that_are_always_right_end_somewhere():
    labels = np.arange(30) % 3
    sure = np.where(np.arange(3) == labels[:, None], 20.0, 0.0).astype(np.float32)
    (weight,) = product_weights([sure], labels)
    assert 0.1 < weight < 2


def test_a_model_that_adds_nothing_to_a_product_is_not_asked():
    first, labels = answers()
    noise = np.random.default_rng(1).normal(size=first.shape).astype(np.float32)
    weights = product_weights([noise, first, first + 0.01 * noise], labels)
    assert weights[0] == 0
    assert sorted(weight > 0 for weight in weights) == [False, False, True], "two that say the same are one"
    assert sum(weights) == pytest.approx(sum(product_weights([first], labels)), abs=0.05)


def test_a_weight_is_so_many_copies_of_the_row():
    logits, labels = answers(120, scale=3.0)
    other, _ = answers(120, seed=1)
    weights = np.array([1.0, 4.0, 2.0])
    copies = np.repeat(np.arange(120), weights[labels].astype(int))
    for measure in (nll, fit_temperature, calibrated_nll):
        repeated = measure(logits[copies], labels[copies])
        assert measure(logits, labels, weights) == pytest.approx(repeated, rel=1e-6)
        assert measure(logits, labels) != pytest.approx(repeated, rel=1e-3)
    expected = mixture_weights([logits[copies], other[copies]], labels[copies])
    assert mixture_weights([logits, other], labels, weights) == pytest.approx(expected)
    assert mixture_weights([logits, other], labels) != pytest.approx(expected, abs=1e-3)
    expected = product_weights([logits[copies], other[copies]], labels[copies])
    assert product_weights([logits, other], labels, weights) == pytest.approx(expected, abs=2e-3)
    assert product_weights([logits, other], labels) != pytest.approx(expected, abs=5e-3)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_the_weights_of_a_mean_of_values_are_the_optimum_on_the_simplex(unit):
    """Of models with independent errors of other sizes, one that is far off, and columns."""
    rng = np.random.default_rng(3)
    labels = unit * rng.normal(size=(200, 2))
    values = [labels + unit * scale * rng.normal(size=labels.shape) for scale in (0.5, 1.0)]
    values = [*values, labels + 30 * unit]
    found = minimize(
        lambda w: ((sum(each * one for each, one in zip(values, w, strict=True)) - labels) ** 2).mean() / unit**2,
        np.full(3, 1 / 3),
        bounds=[(0, 1)] * 3,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-12, "maxiter": 500},
    )
    weights = mean_weights(values, labels)
    assert sum(weights) == pytest.approx(1)
    np.testing.assert_allclose(weights, found.x, atol=2e-3)
    assert 0.7 < weights[0] < 0.9
    assert weights[2] == 0


def test_models_that_are_right_share_the_mean():
    labels = np.arange(6.0)[:, None]
    assert sum(mean_weights([labels, labels], labels)) == pytest.approx(1)
