"""Weighted transformed teacher matching of Zheng & Yang 2024: times the sum of the powers, by which ttm divides."""

import math

import numpy as np

from references._softmax import kl, softmax

PARAMETERS = [{"temperature": 5.0}, {"temperature": 0.5}]
INVALID = [{"temperature": 0.0}, {"temperature": -1.0}, {"temperature": math.inf}]
MINIMUM = 0.0

# python -c "import numpy as np; from scipy.special import rel_entr, softmax
# z_T, z_S = np.array([3., 1., -2.]), np.array([0.5, 2., -1.]); p = softmax(z_T) ** 0.2
# print(repr(p.sum() * rel_entr(p / p.sum(), softmax(z_S)).sum()))"      # scipy 1.17.1
GOLDEN = {
    "student": [0.5, 2.0, -1.0],
    "teacher": [3.0, 1.0, -2.0],
    "parameters": {"temperature": 5.0},
    "value": 0.9817046642622785,
}


def best_student(teacher, labels, *, temperature):
    """The teacher's logits over T."""
    return (teacher - teacher.max(-1, keepdims=True)) / temperature


def reference(student, teacher, *, temperature):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        powers = [p ** (1 / temperature) for p in softmax(teacher[row])]
        values[row] = sum(powers) * kl([p / sum(powers) for p in powers], softmax(student[row]))
    return values
