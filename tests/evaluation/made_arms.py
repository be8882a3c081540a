"""Two arms of a comparison, made up: which examples each of their seeds gets right."""

import numpy as np

from limbeck.evaluation.classification import ACCURACY, F1_MACRO
from limbeck.evaluation.significance import _SEED, _bootstrap, _swap_test, compare as compare_parts


def arms(rng, n=1000, seeds=(3, 3), seed_sd=0.0, shift=0.0):
    """Correctness of two arms of equal (or `shift`ed) true accuracy, about 0.83, as trained networks have it.

    Examples have a difficulty that all networks share, one that all seeds of an arm share and one of a network's own;
    `seed_sd` moves a whole network: 0.05 is 0.75 points of accuracy.
    """
    difficulty = 1.5 + 1.2 * rng.standard_normal(n)
    correct = []
    for count, offset in zip(seeds, (shift, 0.0), strict=True):
        own = 0.5 * rng.standard_normal((count, n)) + seed_sd * rng.standard_normal((count, 1))
        correct.append(difficulty + 0.5 * rng.standard_normal(n) + own + offset > 0)
    return correct


def parts(correct):
    """Accuracy's parts of correctness by seed and example."""
    correct = np.asarray(correct)
    return np.stack([correct, np.ones_like(correct)], axis=-1).astype(np.int16)


def compare(student, baseline, **options):
    return compare_parts(parts(student), parts(baseline), ACCURACY, **options)


def swap_test(student, baseline, swaps, metric=ACCURACY):
    return _swap_test(student.astype(np.int16), baseline.astype(np.int16), metric, swaps, _SEED)


def bootstrap(student, baseline, resamples, metric=ACCURACY):
    return _bootstrap(student.astype(np.int16), baseline.astype(np.int16), metric, resamples, _SEED)


def decisions(rng, n=300, seeds=3, shares=(0.6, 0.3, 0.1), hit=0.7):
    """Labels, and two arms' decisions `(seeds, n)`: one is better on the first class, the other on the rest."""
    classes = len(shares)
    labels = rng.choice(classes, size=n, p=shares)
    arms = []
    for better in (0.08, -0.08):
        right = rng.random((seeds, n)) < hit + np.where(labels == 0, better, -better)
        arms.append(np.where(right, labels, rng.integers(classes, size=(seeds, n))))
    return labels, *arms


def f1_parts(labels, decided):
    return np.stack([F1_MACRO.parts({"labels": labels, "decided": one}) for one in decided])
