"""Imitation of the teacher's values: squared, or with Huber's bound (1964)."""

import math

import numpy as np

PARAMETERS = [{"delta": None}, {"delta": 0.37}]
INVALID = [{"delta": 0.0}, {"delta": -1.0}, {"delta": math.inf}]
MINIMUM = 0.0

# python -c "from scipy.special import huber
# print(huber(1.5, [0.5 - 3, 2. - 1, -1. + 2]).sum())"      # scipy 1.17.1
GOLDEN = {"student": [0.5, 2.0, -1.0], "teacher": [3.0, 1.0, -2.0], "parameters": {"delta": 1.5}, "value": 3.625}


def reference(student, teacher, *, delta):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        for own, other in zip(student[row], teacher[row], strict=True):
            apart = abs(own - other)
            if delta is None or apart <= delta:
                values[row] += 0.5 * apart * apart
            else:
                values[row] += delta * (apart - 0.5 * delta)
    return values
