"""Divergence over a query's candidates, Lin et al. 2020, with the T^2 of Hinton et al. 2015."""

import math

import numpy as np

PARAMETERS = [{"temperature": 1.0}, {"temperature": 3.0}]
INVALID = [{"temperature": 0.0}, {"temperature": -1.0}, {"temperature": math.inf}, {"temperature": math.nan}]
MINIMUM = 0.0

# Three candidates of four. python -c "import numpy as np; from scipy.special import rel_entr, softmax
# z_T, z_S = np.array([3., 1., -2.]), np.array([0.5, 2., -1.])
# print(repr(9 * rel_entr(softmax(z_T / 3), softmax(z_S / 3)).sum()))"      # scipy 1.17.1
GOLDEN = {
    "student": [0.5, 2.0, 7.0, -1.0],
    "teacher": [3.0, 1.0, -math.inf, -2.0],
    "parameters": {"temperature": 3.0},
    "value": 1.502794863561622,
}


def softened(scores, temperature):
    exponentials = [math.exp((z - max(scores)) / temperature) for z in scores]
    return [e / sum(exponentials) for e in exponentials]


def reference(student, teacher, *, temperature):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        there = [c for c in range(len(teacher[row])) if teacher[row][c] > -np.inf]
        p_T, p_S = (softened([x[row][c] for c in there], temperature) for x in (teacher, student))
        for p, q in zip(p_T, p_S, strict=True):
            values[row] += temperature**2 * p * math.log(p / q)
    return values
