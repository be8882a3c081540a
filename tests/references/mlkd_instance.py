"""The instance level of Jin et al. 2023: kd at each of the temperatures."""

import math

import numpy as np

from references._softmax import kl, softmax

PARAMETERS = [{"temperatures": (2.0, 3.0, 4.0, 5.0, 6.0)}, {"temperatures": (0.5,)}]
INVALID = [{"temperatures": ()}, {"temperatures": (1.0, 0.0)}, {"temperatures": (math.inf,)}]
MINIMUM = 0.0

# python -c "import numpy as np; from scipy.special import rel_entr, softmax
# z_T, z_S = np.array([3., 1., -2.]), np.array([0.5, 2., -1.])
# print(repr(sum(T * T * rel_entr(softmax(z_T / T), softmax(z_S / T)).sum() for T in (2, 3))))"      # scipy 1.17.1
GOLDEN = {
    "student": [0.5, 2.0, -1.0],
    "teacher": [3.0, 1.0, -2.0],
    "parameters": {"temperatures": (2.0, 3.0)},
    "value": 2.9562463144436553,
}


def reference(student, teacher, *, temperatures):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        for T in temperatures:
            values[row] += T**2 * kl(softmax(teacher[row], T), softmax(student[row], T))
    return values
