"""Transformed teacher matching of Zheng & Yang 2024: the teacher's probabilities to the power of 1 / T, normalised."""

import math

import numpy as np

from references._softmax import kl, softmax

PARAMETERS = [{"temperature": 10.0}, {"temperature": 0.5}]
INVALID = [{"temperature": 0.0}, {"temperature": -1.0}, {"temperature": math.inf}]
MINIMUM = 0.0

# python -c "import numpy as np; from scipy.special import rel_entr, softmax
# z_T, z_S = np.array([3., 1., -2.]), np.array([0.5, 2., -1.]); p = softmax(z_T) ** 0.2
# print(repr(rel_entr(p / p.sum(), softmax(z_S)).sum()))"      # scipy 1.17.1
GOLDEN = {
    "student": [0.5, 2.0, -1.0],
    "teacher": [3.0, 1.0, -2.0],
    "parameters": {"temperature": 5.0},
    "value": 0.49462146201699514,
}


def transformed(logits, temperature):
    powers = [p ** (1 / temperature) for p in softmax(logits)]
    return [p / sum(powers) for p in powers], sum(powers)


def best_student(teacher, labels, *, temperature):
    """The teacher's logits over T."""
    return (teacher - teacher.max(-1, keepdims=True)) / temperature


def reference(student, teacher, *, temperature):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        values[row] = kl(transformed(teacher[row], temperature)[0], softmax(student[row]))
    return values
