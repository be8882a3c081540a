"""One temperature or one offset a class for a model's logits, and the weights of an ensemble, fitted on validation."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from limbeck.blas import one_thread
from limbeck.evaluation.metrics import nll


def fit_temperature(
    logits: NDArray[np.float32], labels: NDArray[np.int64], weights: NDArray[np.float32] | None = None
) -> float:
    """Return the temperature T in [0.05, 20] that minimises the NLL of softmax(logits / T).

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks" (arXiv 1706.04599), section 4.2.

    Args:
        logits: (rows, classes).
        labels: (rows,) class indices.
        weights: of the classes, (classes,); None: all 1.
    """
    exact = logits.astype(np.float64)
    return _best_temperature(lambda temperature: nll(exact / temperature, labels, weights))


def follow(logits: NDArray[np.float32], answers: NDArray[np.float32]) -> tuple[float, float]:
    """Return how a model follows another's answers: the temperature that fits them best, and the cross-entropy there.

    Args:
        logits: of the model, (rows, classes).
        answers: logits of the other one, (rows, classes).

    Returns:
        T in [0.05, 20], and the mean cross-entropy of softmax(logits / T) under softmax(answers), in nats.
    """
    from scipy.special import log_softmax, softmax

    exact, wanted = logits.astype(np.float64), softmax(answers.astype(np.float64), axis=1)

    def cost(temperature: float) -> float:
        return float(-(wanted * log_softmax(exact / temperature, axis=1)).sum(axis=1).mean())

    best = _best_temperature(cost)
    return best, cost(best)


def _best_temperature(cost: Callable[[float], float]) -> float:
    from scipy.optimize import minimize_scalar

    def of_log(log_temperature: float) -> float:
        return cost(float(np.exp(log_temperature)))

    bounds = (np.log(0.05), np.log(20))
    return float(np.exp(minimize_scalar(of_log, bounds=bounds, method="bounded", options={"xatol": 1e-3}).x))


def calibrated_nll(
    logits: NDArray[np.float32], labels: NDArray[np.int64], weights: NDArray[np.float32] | None = None
) -> float:
    """Return the NLL (nats) that is left at the best temperature: how well a model ranks, whatever its scale.

    Checkpoints and grid points are chosen by it. A student of a confident teacher is over-confident from its first
    steps on; plain NLL would then keep the least trained weights, although every later step decides better. Each row is
    weighed by `weights[label]`, if given, by the temperature too.
    """
    return nll(logits.astype(np.float64) / fit_temperature(logits, labels, weights), labels, weights)


def fit_offsets(logits: NDArray[Any], prior: Sequence[float]) -> tuple[float, ...]:
    """Return what is added to each class's logit so that the mean probabilities are the given ones.

    The offsets are where the convex function mean(logsumexp(logits + offsets)) - prior @ offsets is least: its gradient
    is the mean probabilities less the prior. They have mean 0, as one number more in all of them changes nothing. No
    label is looked at. The idea of moving the bias of a class that the transfer set lacks: Hinton, Vinyals and Dean
    2015 (arXiv 1503.02531), section 3, where the test set chooses the number.

    Args:
        logits: (rows, classes).
        prior: of each class, greater than 0, of sum 1.
    """
    from scipy.optimize import minimize
    from scipy.special import logsumexp, softmax

    exact, wanted = logits.astype(np.float64), np.asarray(prior, np.float64)

    def cost(offsets: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        moved = exact + offsets
        return float(logsumexp(moved, axis=1).mean() - wanted @ offsets), softmax(moved, axis=1).mean(axis=0) - wanted

    with one_thread():
        found = minimize(
            cost, np.zeros(len(wanted)), jac=True, method="BFGS", options={"gtol": 1e-7, "maxiter": 1000}
        ).x
    return tuple((found - found.mean()).tolist())


def mixture_weights(
    logits: Sequence[NDArray[np.float32]], labels: NDArray[np.int64], class_weights: NDArray[np.float32] | None = None
) -> list[float]:
    """Return the weights, of sum 1, with which the models' averaged probabilities have the lowest NLL.

    By expectation-maximisation, which keeps them in [0, 1] and finds the one minimum there is: the likelihood of a
    mixture is concave in its weights. Source: Dempster, Laird and Rubin 1977, section 4.3 (finite mixtures).

    Args:
        logits: of each model, (rows, classes).
        labels: (rows,) class indices.
        class_weights: (classes,), by which each row counts; None: all 1.
    """
    from scipy.special import softmax

    rows = np.arange(len(labels))
    right = np.stack([softmax(each.astype(np.float64), axis=1)[rows, labels] for each in logits], axis=1)
    counts = None if class_weights is None else class_weights[labels]
    weights = np.full(len(logits), 1 / len(logits))
    for _ in range(1000):
        share = right * weights
        share /= share.sum(axis=1, keepdims=True).clip(min=1e-300)
        weights = np.average(share, axis=0, weights=counts)
        weights /= weights.sum()
    rounded = weights.round(3)
    return (rounded / rounded.sum()).tolist()


def product_weights(
    logits: Sequence[NDArray[np.float32]], labels: NDArray[np.int64], class_weights: NDArray[np.float32] | None = None
) -> list[float]:
    """Return the exponents, 0 or more, with which the normalised product of the models' probabilities is likeliest.

    The likelihood of a product is concave in its exponents. Each has a normal prior around 1 / models with deviation 1,
    which a few rows outweigh: without it, models that are right on every row would get exponents without end. A model
    that adds a nat or less to the rows' log-likelihood has the exponent 0, and need not be asked: no more is to be
    expected of a number that is fitted to them.

    Source: Genest and Zidek 1986, "Combining Probability Distributions: A Critique and an Annotated Bibliography",
    section 3 (logarithmic pools); Akaike 1974, "A New Look at the Statistical Model Identification" (the nat).

    Args:
        logits: of each model, (rows, classes).
        labels: (rows,) class indices.
        class_weights: (classes,), by which each row counts; None: all 1.
    """
    from scipy.special import log_softmax

    logs = np.stack([log_softmax(each.astype(np.float64), axis=1) for each in logits])
    counts = np.ones(len(labels)) if class_weights is None else class_weights[labels].astype(np.float64)
    kept = [*range(len(logits))]
    weights, cost = _likeliest_product(logs, labels, counts, prior=1 / len(logits))
    while len(kept) > 1:
        fewer = [one for place, one in enumerate(kept) if place != int(np.argmin(weights))]
        without, higher = _likeliest_product(logs[fewer], labels, counts, prior=1 / len(logits))
        if higher - cost > 1:
            break
        kept, weights, cost = fewer, without, higher
    found = np.zeros(len(logits))
    found[kept] = weights
    return found.round(3).tolist()


def mean_weights(values: Sequence[NDArray[Any]], labels: NDArray[np.float64]) -> list[float]:
    """Return the weights, of sum 1 and not negative, with which the models' mean has the smallest squared error.

    Source: Breiman 1996, "Stacked Regressions" (Machine Learning 24), section 2, with weights that are not negative;
    here their sum is 1 besides, so that a value on which all models agree stays what it is.

    Args:
        values: of each model, (rows, columns), the columns in comparable units.
        labels: (rows, columns).
    """
    from scipy.optimize import nnls

    # With sum 1, the error of the mean is the mean of the errors: the last row asks for that sum, at a weight beside
    # which the errors are little.
    errors = np.stack([(each.astype(np.float64) - labels).reshape(-1) for each in values], axis=1)
    errors, much = errors / (np.abs(errors).max() or 1.0), 1e4 * len(errors) ** 0.5
    found, _ = nnls(np.vstack([errors, np.full(len(values), much)]), np.append(np.zeros(len(errors)), much))
    rounded = (found / found.sum()).round(3)
    return (rounded / rounded.sum()).tolist()


def _likeliest_product(
    logs: NDArray[np.float64], labels: NDArray[np.int64], counts: NDArray[np.float64], *, prior: float
) -> tuple[NDArray[np.float64], float]:
    """Return exponents of log-probabilities (models, rows, classes), and what they cost, in nats over all rows."""
    from scipy.optimize import minimize
    from scipy.special import log_softmax, softmax

    rows = np.arange(len(labels))

    def cost(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        pooled = np.tensordot(weights, logs, axes=1)
        apart = softmax(pooled, axis=1)
        apart[rows, labels] -= 1
        own = -log_softmax(pooled, axis=1)[rows, labels] @ counts + ((weights - prior) ** 2).sum() / 2
        return own, np.einsum("mrc,rc,r->m", logs, apart, counts) + weights - prior

    first, bounds = np.full(len(logs), prior), [(0, None)] * len(logs)
    with one_thread():
        found = minimize(cost, first, jac=True, method="L-BFGS-B", bounds=bounds)
    return found.x, float(found.fun)


Pool = Literal["mean", "product"]
POOLS: dict[Pool, Callable[..., list[float]]] = {"mean": mixture_weights, "product": product_weights}
"""How the weights of each kind of pool are fitted."""
