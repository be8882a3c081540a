"""Cosine distance of states, Sanh et al. 2019, section 3; a state of zeros has no direction and counts 0."""

import math

import numpy as np

PARAMETERS = [{}]
INVALID = []
MINIMUM = 0.0

# python -c "from scipy.spatial.distance import cosine
# print(repr(cosine([0.5, 1., 2.], [1., -2., 4.])))"      # scipy 1.17.1
GOLDEN = {
    "student": [0.5, 1.0, 2.0],
    "teacher": [1.0, -2.0, 4.0],
    "parameters": {},
    "value": 0.38095238095238093,
}


def size(x):
    return math.hypot(*x)


def regular(student, teacher):
    """Numbers whose squares are too small for float64 are nothing."""
    return tuple(np.where(np.abs(x) < 1e-100, 0.0, x) for x in (student, teacher))


def smooth(student, teacher):
    """Whether the value can be differentiated: no state is zero."""
    return all(size(row) > 0.5 for x in (student, teacher) for row in x)


def reference(student, teacher):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        v, u = student[row], teacher[row]
        if size(v) > 0 and size(u) > 0:
            values[row] = 1 - sum((a / size(v)) * (b / size(u)) for a, b in zip(v, u, strict=True))
    return values
