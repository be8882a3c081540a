"""Hints from Romero et al. 2015, equation 3, for one pair of activations; the regressor is not part of it."""

import numpy as np

PARAMETERS = [{}]
INVALID = []
MINIMUM = 0.0

# python -c "import sklearn.metrics as m
# print(0.5 * 3 * m.mean_squared_error([1., -2., 4.], [0.5, 1., 2.]))"      # scikit-learn 1.9.1
GOLDEN = {
    "student": [0.5, 1.0, 2.0],
    "teacher": [1.0, -2.0, 4.0],
    "parameters": {},
    "value": 6.625,
}


def reference(guided, hint):
    values = np.zeros(guided.shape[:-1])
    for row in np.ndindex(values.shape):
        distance = 0.0
        for v, u in zip(guided[row], hint[row], strict=True):
            distance += abs(u - v) ** 2
        values[row] = 0.5 * distance
    return values
