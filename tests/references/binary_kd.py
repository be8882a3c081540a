"""The divergence of two coins a class, softened as in Hinton et al. 2015, summed as in Yang et al. 2023."""

import math

import numpy as np

PARAMETERS = [{"temperature": 1.0}, {"temperature": 4.0}, {"temperature": 0.5}]
INVALID = [{"temperature": 0.0}, {"temperature": -1.0}, {"temperature": math.inf}, {"temperature": math.nan}]
MINIMUM = 0.0

# python -c "import numpy as np; from scipy.special import rel_entr, expit
# t, s = np.array([3., 1., -2.]) / 3, np.array([0.5, 2., -1.]) / 3
# print(repr(9 * (rel_entr(expit(t), expit(s)) + rel_entr(expit(-t), expit(-s))).sum()))"      # scipy 1.17.1
GOLDEN = {
    "student": [0.5, 2.0, -1.0],
    "teacher": [3.0, 1.0, -2.0],
    "parameters": {"temperature": 3.0},
    "value": 0.917681161868275,
}


def reference(student, teacher, *, temperature):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        for z_S, z_T in zip(student[row] / temperature, teacher[row] / temperature, strict=True):
            for sign in (1, -1):  # of a coin, its two sides
                p, q = 1 / (1 + math.exp(-sign * z_T)), 1 / (1 + math.exp(-sign * z_S))
                values[row] += temperature**2 * p * math.log(p / q)
    return values
