"""The reverse divergence of Gu et al. 2024, section 2, of one prediction, at a temperature as in Hinton et al. 2015."""

import math

import numpy as np

from references._softmax import kl, softmax

PARAMETERS = [{"temperature": 1.0}, {"temperature": 3.0}]
INVALID = [{"temperature": 0.0}, {"temperature": -1.0}, {"temperature": math.inf}]
MINIMUM = 0.0

# python -c "import numpy as np; from scipy.special import rel_entr, softmax
# z_T, z_S = np.array([3., 1., -2.]), np.array([0.5, 2., -1.])
# print(repr(4 * rel_entr(softmax(z_S / 2), softmax(z_T / 2)).sum()))"      # scipy 1.17.1
GOLDEN = {
    "student": [0.5, 2.0, -1.0],
    "teacher": [3.0, 1.0, -2.0],
    "parameters": {"temperature": 2.0},
    "value": 1.4240483276155798,
}


def reference(student, teacher, *, temperature):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        values[row] = temperature**2 * kl(softmax(student[row], temperature), softmax(teacher[row], temperature))
    return values
