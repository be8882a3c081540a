"""The total variation distance of Wen et al. 2023, of one prediction."""

import math

import numpy as np

from references._softmax import softmax

PARAMETERS = [{}]
INVALID = []
MINIMUM = 0.0

# By hand: the probabilities are 1/8, 2/8, 5/8 and 3/8, 3/8, 2/8, so half of 2/8 + 1/8 + 3/8.
GOLDEN = {
    "student": [0.0, float(np.log(2)), float(np.log(5))],
    "teacher": [float(np.log(3)), float(np.log(3)), float(np.log(2))],
    "parameters": {},
    "value": 0.375,
}


def regular(student, teacher):
    """Where both probabilities of a class are equal there is a kink, at which a difference says nothing."""
    places = np.arange(student.shape[-1])
    return student + math.sqrt(0.3) * places**2, teacher - math.sqrt(0.13) * places  # which nobody draws


def reference(student, teacher):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        for p, q in zip(softmax(student[row]), softmax(teacher[row]), strict=True):
            values[row] += abs(p - q) / 2
    return values
