"""The toy loss in loops."""

import numpy as np

PARAMETERS = [{}]
INVALID = []
MINIMUM = 0.0

# python -c "print(((0.5 - 3.0)**4 + (2.0 - 1.0)**4 + (-1.0 + 2.0)**4) / 4)"      # python 3.11
GOLDEN = {
    "student": [0.5, 2.0, -1.0],
    "teacher": [3.0, 1.0, -2.0],
    "parameters": {},
    "value": 10.265625,
}


def reference(student, teacher):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        for z_S, z_T in zip(student[row], teacher[row], strict=True):
            values[row] += (z_S - z_T) ** 4 / 4
    return values
