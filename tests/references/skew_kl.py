"""The skew divergences of Ko et al. 2024, section 3.1, definition by definition."""

import math

import numpy as np

from references._softmax import kl, softmax

PARAMETERS = [
    {"alpha": 0.1, "reverse": False, "temperature": 1.0},
    {"alpha": 0.1, "reverse": True, "temperature": 1.0},
    {"alpha": 0.7, "reverse": True, "temperature": 2.0},
]
INVALID = [{"alpha": 0.0}, {"alpha": 1.0}, {"alpha": math.nan}, {"temperature": 0.0}, {"temperature": math.inf}]
MINIMUM = 0.0

# python -c "import numpy as np; from scipy.special import rel_entr, softmax
# p, q = softmax(np.array([3., 1., -2.]) / 2), softmax(np.array([0.5, 2., -1.]) / 2)
# print(repr(4 * rel_entr(p, 0.3 * p + 0.7 * q).sum()))"      # scipy 1.17.1
GOLDEN = {
    "student": [0.5, 2.0, -1.0],
    "teacher": [3.0, 1.0, -2.0],
    "parameters": {"alpha": 0.3, "temperature": 2.0},
    "value": 0.6751616756666521,
}


def reference(student, teacher, *, alpha, reverse, temperature):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        p, q = softmax(teacher[row], temperature), softmax(student[row], temperature)
        if reverse:
            p, q = q, p
        mixture = [alpha * a + (1 - alpha) * b for a, b in zip(p, q, strict=True)]
        values[row] = temperature**2 * kl(p, mixture)
    return values
