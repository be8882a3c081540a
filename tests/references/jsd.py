"""Equation 1 of Agarwal et al. 2024, of probabilities that are mixed as such; both ends by definition."""

import math

import numpy as np

from references._softmax import kl, softmax

PARAMETERS = [
    {"beta": 0.5, "temperature": 1.0},
    {"beta": 0.1, "temperature": 2.0},
    {"beta": 0.0, "temperature": 2.0},
    {"beta": 1.0, "temperature": 1.0},
]
INVALID = [{"beta": -0.1}, {"beta": 1.1}, {"beta": math.nan}, {"temperature": 0.0}, {"temperature": math.inf}]
MINIMUM = 0.0

# python -c "import numpy as np; from scipy.special import rel_entr, softmax
# p, q = softmax(np.array([3., 1., -2.])), softmax(np.array([0.5, 2., -1.])); m = 0.3 * p + 0.7 * q
# print(repr(0.3 * rel_entr(p, m).sum() + 0.7 * rel_entr(q, m).sum()))"      # scipy 1.17.1
GOLDEN = {
    "student": [0.5, 2.0, -1.0],
    "teacher": [3.0, 1.0, -2.0],
    "parameters": {"beta": 0.3, "temperature": 1.0},
    "value": 0.2290347492000504,
}


def reference(student, teacher, *, beta, temperature):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        p, q = softmax(teacher[row], temperature), softmax(student[row], temperature)
        m = [beta * a + (1 - beta) * b for a, b in zip(p, q, strict=True)]
        ends = {0.0: kl(p, q), 1.0: kl(q, p)}
        values[row] = temperature**2 * ends.get(beta, beta * kl(p, m) + (1 - beta) * kl(q, m))
    return values
