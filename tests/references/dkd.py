"""Equation 7 of Zhao et al. 2022: both parts of their own, with the probabilities of section 3.1."""

import math

import numpy as np

from references._softmax import kl, softmax

PARAMETERS = [{"alpha": 1.0, "beta": 8.0, "temperature": 4.0}, {"alpha": 2.0, "beta": 0.5, "temperature": 1.0}]
INVALID = [{"alpha": -1.0}, {"beta": math.nan}, {"temperature": 0.0}, {"temperature": math.inf}]
MINIMUM = 0.0

# python -c "import numpy as np; from scipy.special import rel_entr, softmax
# z_T, z_S, T = np.array([3., 1., -2.]), np.array([0.5, 2., -1.]), 2
# p, q = softmax(z_T / T), softmax(z_S / T); b = lambda p: np.array([p[1], p[0] + p[2]])
# n = lambda p: p[[0, 2]] / (p[0] + p[2])
# print(repr(T * T * (3 * rel_entr(b(p), b(q)).sum() + 5 * rel_entr(n(p), n(q)).sum())))"      # scipy 1.17.1
GOLDEN = {
    "student": [0.5, 2.0, -1.0],
    "teacher": [3.0, 1.0, -2.0],
    "labels": 1,
    "parameters": {"alpha": 3.0, "beta": 5.0, "temperature": 2.0},
    "value": 6.295692591153662,
}


def parts(logits, label, temperature):
    """[p_t, p_without_t] and the probabilities among the others."""
    p = softmax(logits, temperature)
    rest = sum(p[c] for c in range(len(p)) if c != label)
    others = softmax([logits[c] for c in range(len(p)) if c != label], temperature)
    return [p[label], rest], others


def reference(student, teacher, labels, *, alpha, beta, temperature):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        b_S, q_S = parts(student[row], labels[row], temperature)
        b_T, q_T = parts(teacher[row], labels[row], temperature)
        values[row] = temperature**2 * (alpha * kl(b_T, b_S) + beta * kl(q_T, q_S))
    return values
