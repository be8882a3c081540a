"""Pseudo-labels from Lee 2013, section 2.4: a 1 at the first of the teacher's largest outputs, then cross-entropy."""

import math

import numpy as np

PARAMETERS = [{}]
INVALID = []
MINIMUM = 0.0

# By hand: the student's probabilities are 1/8, 2/8 and 5/8; of the tie, the lower class is taken: -log(1/4) = 2 log 2.
GOLDEN = {
    "student": [0.0, math.log(2), math.log(5)],
    "teacher": [1.0, 3.0, 3.0],
    "parameters": {},
    "value": 1.3862943611198906,
}


def pseudo_label(outputs):
    best = 0
    for c in range(1, len(outputs)):
        if outputs[c] > outputs[best]:
            best = c
    return [1.0 if c == best else 0.0 for c in range(len(outputs))]


def best_student(teacher, labels):
    """Certain of what the teacher decides."""
    return np.array([[1e4 * y for y in pseudo_label(row)] for row in teacher])


def reference(student, teacher):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        exponentials = [math.exp(z - max(student[row])) for z in student[row]]
        for y, z in zip(pseudo_label(teacher[row]), student[row], strict=True):
            values[row] -= y * (z - max(student[row]) - math.log(sum(exponentials)))
    return values
