"""The negative log of the product of the probabilities that a sigmoid a class gives to each of the labels."""

import math

import numpy as np

PARAMETERS = [{}]
INVALID = []
MINIMUM = 0.0

# python -c "from scipy.special import log_expit
# print(repr(-(log_expit(0.5) + log_expit(-2.) + log_expit(-1.))))"      # scipy 1.17.1
GOLDEN = {"student": [0.5, 2.0, -1.0], "labels": [1, 0, 1], "parameters": {}, "value": 3.914266682741302}


def best_student(teacher, labels):
    """Certain and right."""
    return np.where(labels > 0, 1e4, -1e4)


def reference(student, labels):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        for z, y in zip(student[row], labels[row], strict=True):
            p = 1 / (1 + math.exp(-z))
            q = 1 / (1 + math.exp(z))  # 1 - p would lose its digits
            values[row] -= y * math.log(p) + (1 - y) * math.log(q)
    return values
