"""The normalised loss of Yang et al. 2023: the label's part, and the others normalised to 1; less their entropy."""

import math

import numpy as np

from references._softmax import kl, softmax

PARAMETERS = [{"gamma": 1.5, "temperature": 1.0}, {"gamma": 0.7, "temperature": 3.0}]
INVALID = [{"gamma": -1.0}, {"gamma": math.inf}, {"temperature": 0.0}, {"temperature": math.nan}]
MINIMUM = 0.0

# python -c "import numpy as np; from scipy.special import rel_entr, softmax
# z_T, z_S, T = np.array([3., 1., -2.]), np.array([0.5, 2., -1.]), 2; n = lambda p: p[[0, 2]] / (p[0] + p[2])
# print(repr(-softmax(z_T)[1] * np.log(softmax(z_S)[1])
# + 1.5 * T * T * rel_entr(n(softmax(z_T / T)), n(softmax(z_S / T))).sum()))"      # scipy 1.17.1
GOLDEN = {
    "student": [0.5, 2.0, -1.0],
    "teacher": [3.0, 1.0, -2.0],
    "labels": 1,
    "parameters": {"gamma": 1.5, "temperature": 2.0},
    "value": 1.0799720460003128,
}


def best_student(teacher, labels):
    """Certain of the label, and of the others as the teacher."""
    best = teacher.copy()
    for row, label in enumerate(labels):
        best[row, label] = 1e4
    return best


def reference(student, teacher, labels, *, gamma, temperature):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        label = labels[row]
        others = [c for c in range(student.shape[-1]) if c != label]
        values[row] = -softmax(teacher[row])[label] * math.log(softmax(student[row])[label])
        q_T, q_S = (softmax([logits[row][c] for c in others], temperature) for logits in (teacher, student))
        values[row] += gamma * temperature**2 * kl(q_T, q_S)
    return values
