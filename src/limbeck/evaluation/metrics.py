"""Quality, calibration and fidelity from logits: plain NumPy in float64, checked against scikit-learn and torchmetrics.

Logits are `(n, classes)`, n > 0, finite; labels `(n,)` integers in [0, classes): every function raises `LimbeckError`
otherwise. A decision is the argmax, the lowest class among equals.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from limbeck.errors import LimbeckError
from limbeck.evaluation.figures import ClassScores
from limbeck.runtime.decisions import classes as decisions

ECE_BINS = 15


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Share of decisions equal to the label, in [0, 1]."""
    logits, labels = checked(logits, labels)
    return float((decisions(logits) == labels).mean())


def confusion(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Count decisions by true class (rows) and decided class (columns): `(classes, classes)` int64."""
    logits, labels = checked(logits, labels)
    classes = logits.shape[1]
    cells = labels * classes + decisions(logits)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def class_scores(logits: Sequence[np.ndarray], labels: np.ndarray, classes: Sequence[str]) -> list[ClassScores]:
    """Return how one model, trained with several seeds, fares on every class.

    Args:
        logits: of each seed.
        labels: of the split.
        classes: the names, in the order of the labels.
    """
    tables = np.stack([confusion(one, labels) for one in logits])
    right, rows, decided = tables.diagonal(axis1=1, axis2=2), tables[0].sum(axis=1), tables.sum(axis=1)
    found = []
    for index, name in enumerate(classes):
        tp, picked, own = right[:, index], decided[:, index], int(rows[index])
        some = picked > 0
        found.append(
            ClassScores(
                name=name,
                rows=own,
                recall=float(np.mean(tp / own)) if own else None,
                precision=float(np.mean(tp[some] / picked[some])) if some.any() else None,
                f1=float(np.mean(2 * tp / np.maximum(picked + own, 1))),
                decided=float(picked.mean()),
            )
        )
    return found


def nll(logits: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Mean negative log-likelihood of the true class, in nats, >= 0; each row weighed by `weights[label]`, if given."""
    logits, labels = checked(logits, labels)
    by_row = None if weights is None else weights[labels].astype(np.float64)
    return max(0.0, -float(np.average(log_softmax(logits)[np.arange(len(labels)), labels], weights=by_row)))


class Bins(NamedTuple):
    """Mean confidence, accuracy and count of each occupied bin, by rising confidence; see `reliability`."""

    confidence: list[float]
    accuracy: list[float]
    count: list[int]


def bins_of(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each row's bin, its confidence, and whether its decision is right, `(n,)` each; see `reliability`."""
    confidence = np.exp(log_softmax(logits).max(axis=1))
    place = np.clip(np.ceil(confidence * ECE_BINS).astype(int) - 1, 0, ECE_BINS - 1)
    return place, confidence, decisions(logits) == labels


def reliability(logits: np.ndarray, labels: np.ndarray) -> Bins:
    """Return the occupied bins of a model's confidence.

    Confidence is the probability of the decision; bin k of 15 equal-width ones is (k / 15, (k + 1) / 15], as in
    Guo et al. 2017, "On Calibration of Modern Neural Networks", equations 2 and 3.
    """
    logits, labels = checked(logits, labels)
    place, confidence, correct = bins_of(logits, labels)
    count = np.bincount(place, minlength=ECE_BINS)
    used = count > 0
    return Bins(
        confidence=(np.bincount(place, confidence, ECE_BINS)[used] / count[used]).clip(0.0, 1.0).tolist(),
        accuracy=(np.bincount(place, correct, ECE_BINS)[used] / count[used]).tolist(),
        count=count[used].tolist(),
    )


def ece(logits: np.ndarray, labels: np.ndarray) -> float:
    """Expected calibration error over 15 equal-width bins, in [0, 1] (Guo et al. 2017, equation 5)."""
    bins = reliability(logits, labels)
    gaps = np.abs(np.subtract(bins.confidence, bins.accuracy))
    return float(np.average(gaps, weights=bins.count))


def agreement(a: np.ndarray, b: np.ndarray) -> float:
    """Share of rows, in [0, 1], on which two models' logits `(n, classes)` decide alike."""
    a, b = _checked_pair(a, b)
    return float((decisions(a) == decisions(b)).mean())


def kl(teacher_logits: np.ndarray, student_logits: np.ndarray) -> float:
    """Mean KL(p_T || p_S) over rows, in nats, >= 0, at temperature 1; both `(n, classes)`."""
    teacher, student = _checked_pair(teacher_logits, student_logits)
    log_p_T, log_p_S = log_softmax(teacher), log_softmax(student)
    rows = (np.exp(log_p_T) * (log_p_T - log_p_S)).sum(axis=1)
    return float(np.maximum(rows, 0.0).mean())  # rounding takes equal rows to -1e-17


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return log-probabilities, of logits `(n, classes)`."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _checked_logits(logits: np.ndarray) -> np.ndarray:
    logits = np.asarray(logits, dtype=np.float64)
    if logits.ndim != 2 or 0 in logits.shape:
        raise LimbeckError(f"logits must be (n, classes) with n > 0, got shape {logits.shape}", where="evaluation")
    bad = ~np.isfinite(logits).all(axis=1)
    if bad.any():
        raise LimbeckError(
            f"{bad.sum()} of {len(logits)} rows of logits hold NaN or infinity, the first is row {bad.argmax()}",
            where="evaluation",
            fix="look for a diverged training, or for probabilities of exactly 0 whose logarithm was taken",
        )
    return logits


def checked(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return logits in float64 and labels in int64; raise `LimbeckError` where they are of another form."""
    logits, labels = _checked_logits(logits), np.asarray(labels)
    if labels.shape != logits.shape[:1] or labels.dtype.kind not in "iu":
        raise LimbeckError(
            f"labels must be {len(logits)} integers, got {labels.dtype} of shape {labels.shape}", where="evaluation"
        )
    classes = logits.shape[1]
    outside = (labels < 0) | (labels >= classes)
    if outside.any():
        row = outside.argmax()
        raise LimbeckError(f"label {labels[row]} of row {row} is outside 0 .. {classes - 1}", where="evaluation")
    return logits, labels.astype(np.int64)


def _checked_pair(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = _checked_logits(a), _checked_logits(b)
    if a.shape != b.shape:
        raise LimbeckError(f"two models' logits differ in shape: {a.shape} and {b.shape}", where="evaluation")
    return a, b
