"""Regression on logits from Ba & Caruana 2014, equation 1, before the mean over examples."""

import numpy as np

PARAMETERS = [{}]
INVALID = []
MINIMUM = 0.0

# python -c "from scipy.spatial.distance import sqeuclidean
# print(0.5 * sqeuclidean([0.5, 2., -1.], [3., 1., -2.]))"      # scipy 1.17.1
GOLDEN = {
    "student": [0.5, 2.0, -1.0],
    "teacher": [3.0, 1.0, -2.0],
    "parameters": {},
    "value": 4.125,
}


def reference(student, teacher):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        for z_S, z_T in zip(student[row], teacher[row], strict=True):
            values[row] += 0.5 * (z_S - z_T) ** 2
    return values
