"""Probability shift from Wen et al. 2019: the largest logit of a teacher that is wrong goes to the label."""

import numpy as np

SETTINGS = [{}]
INVALID = []


def reference(student, teacher, *, labels, temperature, held):
    changed = teacher.copy()
    for row, label in enumerate(labels):
        if label is None:
            continue
        best = max(range(len(teacher[row])), key=lambda c: (teacher[row][c], -c))
        changed[row, best], changed[row, label] = teacher[row][label], teacher[row][best]
    return np.stack([student, changed])
