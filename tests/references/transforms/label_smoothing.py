"""Label smooth regularization from Wen et al. 2019: a smoothed label where the teacher is wrong.

The label has its share whatever the teacher says of it; the others that it does not rule out share the rest.
"""

import math

import numpy as np

SETTINGS = [{"correct": 0.9}, {"correct": 0.5}]
INVALID = [{"correct": 0.0}, {"correct": 1.0}, {"correct": math.nan}]

# python -c "import numpy as np; from scipy.special import rel_entr, softmax
# z_S = np.array([0.5, 2., -1.])
# print(repr(9 * rel_entr([0.1, 0.8, 0.1], softmax(z_S / 3)).sum()))"      # scipy 1.17.1
GOLDEN = {
    "student": [[0.5, 2.0, -1.0]],
    "teacher": [[3.0, 1.0, -2.0]],
    "labels": [1],
    "settings": {"correct": 0.8},
    "value": 1.7211402989240194,
}


def reference(student, teacher, *, labels, temperature, held, correct):
    changed = teacher.copy()
    for row, label in enumerate(labels):
        best = max(range(len(teacher[row])), key=lambda c: (teacher[row][c], -c))
        if label is None or best == label:
            continue
        others = [c for c, z in enumerate(teacher[row]) if z > -1e30 and c != label]
        changed[row, label] = temperature * math.log(correct)
        for c in others:
            changed[row, c] = temperature * math.log((1 - correct) / len(others))
    return np.stack([student, changed])
