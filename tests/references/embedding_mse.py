"""Mean squared error of a vector, Reimers & Gurevych 2020, equation 1, for one row."""

import numpy as np

PARAMETERS = [{}]
INVALID = []
MINIMUM = 0.0

# python -c "import sklearn.metrics as m
# print(m.mean_squared_error([1., -2., 4.], [0.5, 1., 2.]))"      # scikit-learn 1.9.1
GOLDEN = {
    "student": [0.5, 1.0, 2.0],
    "teacher": [1.0, -2.0, 4.0],
    "parameters": {},
    "value": 4.416666666666667,
}


def reference(student, teacher):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        squares = [(v - u) ** 2 for v, u in zip(student[row], teacher[row], strict=True)]
        values[row] = sum(squares) / len(squares)
    return values
