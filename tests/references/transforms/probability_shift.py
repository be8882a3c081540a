"""Probability shift from Wen et al. 2019: the largest logit of a teacher that is wrong goes to the label."""

import numpy as np

SETTINGS = [{}]
INVALID = []

# python -c "import numpy as np; from scipy.special import rel_entr, softmax
# z_T, z_S = np.array([1., 3., -2.]), np.array([0.5, 2., -1.])      # 3 and 1 exchanged
# print(repr(9 * rel_entr(softmax(z_T / 3), softmax(z_S / 3)).sum()))"      # scipy 1.17.1
GOLDEN = {
    "student": [[0.5, 2.0, -1.0]],
    "teacher": [[3.0, 1.0, -2.0]],
    "labels": [1],
    "settings": {},
    "value": 0.21651610772708058,
}


def reference(student, teacher, *, labels, temperature, held):
    changed = teacher.copy()
    for row, label in enumerate(labels):
        if label is None:
            continue
        best = max(range(len(teacher[row])), key=lambda c: (teacher[row][c], -c))
        changed[row, best], changed[row, label] = teacher[row][label], teacher[row][best]
    return np.stack([student, changed])
