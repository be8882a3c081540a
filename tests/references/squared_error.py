"""Half the sum of squared errors, Bishop 2006, equation 1.2, of one row."""

import numpy as np

PARAMETERS = [{}]
INVALID = []
MINIMUM = 0.0

# python -c "from scipy.spatial.distance import sqeuclidean
# print(0.5 * sqeuclidean([0.5, 2., -1.], [3., 1., -2.]))"      # scipy 1.17.1
GOLDEN = {"student": [0.5, 2.0, -1.0], "labels": [3.0, 1.0, -2.0], "parameters": {}, "value": 4.125}


def best_student(teacher, labels):
    """The true values."""
    return labels.copy()


def reference(student, labels):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        for z, y in zip(student[row], labels[row], strict=True):
            values[row] += (z - y) ** 2 / 2
    return values
