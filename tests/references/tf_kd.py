"""The virtual teacher of Yuan et al. 2020, section 5, in the teacher's place of Hinton et al. 2015."""

import math

import numpy as np

from references._softmax import kl, softmax

PARAMETERS = [{"correct": 0.99, "temperature": 20.0}, {"correct": 0.3, "temperature": 0.5}]
INVALID = [{"correct": 0.0}, {"correct": 1.0}, {"temperature": 0.0}, {"temperature": math.inf}]
MINIMUM = 0.0

# python -c "import numpy as np; from scipy.special import rel_entr, softmax
# z, u = np.array([0.5, 2., -1.]), np.array([0.05, 0.9, 0.05])
# print(repr(16 * rel_entr(softmax(np.log(u) / 4), softmax(z / 4)).sum()))"      # scipy 1.17.1
GOLDEN = {
    "student": [0.5, 2.0, -1.0],
    "labels": 1,
    "parameters": {"correct": 0.9, "temperature": 4.0},
    "value": 0.20077044179026543,
}


def virtual(label, classes, correct):
    return [correct if c == label else (1 - correct) / (classes - 1) for c in range(classes)]


def best_student(teacher, labels, *, correct, temperature):
    """The virtual teacher's own logits."""
    return np.log([virtual(label, teacher.shape[-1], correct) for label in labels])


def reference(student, labels, *, correct, temperature):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        u = virtual(labels[row], student.shape[-1], correct)
        p_T = softmax([math.log(each) for each in u], temperature)
        values[row] = temperature**2 * kl(p_T, softmax(student[row], temperature))
    return values
