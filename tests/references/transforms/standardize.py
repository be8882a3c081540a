"""Z-scores of logits, Sun et al. 2024, by the official code's sample deviation; equal logits become zeros."""

import math

import numpy as np

SETTINGS = [{}]
INVALID = []

# python -c "import numpy as np; from scipy.special import rel_entr, softmax; from scipy.stats import zscore
# z_T, z_S = (zscore(z, ddof=1) for z in ([3., 1., -2.], [0.5, 2., -1.]))
# print(repr(9 * rel_entr(softmax(z_T / 3), softmax(z_S / 3)).sum()))"      # scipy 1.17.1
GOLDEN = {
    "student": [[0.5, 2.0, -1.0]],
    "teacher": [[3.0, 1.0, -2.0]],
    "labels": [0],
    "settings": {},
    "value": 0.3102943997329663,
}


def scores(logits, seen):
    kept = [logits[c] for c in seen]
    mean = sum(kept) / len(kept)
    squares = 0.0 if min(kept) == max(kept) else sum((z - mean) ** 2 for z in kept)
    deviation = math.sqrt(squares / max(1, len(kept) - 1))
    return [((z - mean) / deviation if deviation > 0 else 0.0) if c in seen else z for c, z in enumerate(logits)]


def smooth(student, teacher):
    """Whether it can be differentiated: a student's logits are not all equal."""
    return all(np.std(row) > 0.5 for row in student)


def reference(student, teacher, *, labels, temperature, held):
    changed = np.zeros((2, *student.shape))
    for row in range(len(student)):
        seen = [c for c, z in enumerate(teacher[row]) if z > -1e30]
        changed[0, row], changed[1, row] = scores(student[row], seen), scores(teacher[row], seen)
    return changed
