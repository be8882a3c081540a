"""The negative log of the probability that a softmax gives to the label."""

import math

import numpy as np

PARAMETERS = [{}]
INVALID = []
MINIMUM = 0.0

# python -c "import numpy as np; from scipy.special import logsumexp
# z = np.array([0.5, 2., -1.]); print(repr(logsumexp(z) - z[2]))"      # scipy 1.17.1
GOLDEN = {
    "student": [0.5, 2.0, -1.0],
    "labels": 2,
    "parameters": {},
    "value": 3.241311296657157,
}


def best_student(teacher, labels):
    """Certain and right."""
    return np.array([[1e4 if c == label else 0.0 for c in range(teacher.shape[-1])] for label in labels])


def reference(student, labels):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        exponentials = [math.exp(z - max(student[row])) for z in student[row]]
        values[row] = math.log(sum(exponentials)) - (student[row][labels[row]] - max(student[row]))
    return values
