"""Margin-MSE from Hofstaetter et al. 2020, section 4, averaged over a query's other candidates."""

import numpy as np

PARAMETERS = [{}]
INVALID = []
MINIMUM = 0.0

# By hand: the student's margins are -1.5 and 1.5, the teacher's 2 and 5: (3.5^2 + 3.5^2) / 2.
GOLDEN = {
    "student": [0.5, 2.0, -1.0],
    "teacher": [3.0, 1.0, -2.0],
    "parameters": {},
    "value": 12.25,
}


def reference(student, teacher):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        s, t = student[row], teacher[row]
        there = [c for c in range(1, len(t)) if t[c] > -np.inf and t[0] > -np.inf]
        for c in there:
            values[row] += ((s[0] - s[c]) - (t[0] - t[c])) ** 2 / len(there)
    return values
