"""The weighted soft labels of Zhou et al. 2021: the weight as their code has it, and kd."""

import math

import numpy as np

from references._softmax import kl, softmax

PARAMETERS = [{"temperature": 2.0}, {"temperature": 0.7}]
INVALID = [{"temperature": 0.0}, {"temperature": math.inf}]
MINIMUM = 0.0

# python -c "import numpy as np; from scipy.special import rel_entr, softmax
# z_T, z_S, T = np.array([3., 1., -2.]), np.array([0.5, 2., -1.]), 2; ce = lambda z: -np.log(softmax(z)[1])
# print(repr((1 - np.exp(-ce(z_S) / (ce(z_T) + 1e-7))) * T * T
# * rel_entr(softmax(z_T / T), softmax(z_S / T)).sum()))"      # scipy 1.17.1
GOLDEN = {
    "student": [0.5, 2.0, -1.0],
    "teacher": [3.0, 1.0, -2.0],
    "labels": 1,
    "parameters": {"temperature": 2.0},
    "value": 0.15548277194131024,
}


def reference(student, teacher, labels, *, temperature, held=None):
    """`held` are the student's logits of which the weight is made, which no gradient passes through."""
    values, held = np.zeros(student.shape[:-1]), student if held is None else held
    for row in np.ndindex(values.shape):
        own, other = (-math.log(softmax(logits[row])[labels[row]]) for logits in (held, teacher))
        weight = 1 - math.exp(-own / (other + 1e-7))
        values[row] = weight * temperature**2 * kl(*(softmax(z[row], temperature) for z in (teacher, student)))
    return values
