"""Dynamic temperatures from Wen et al. 2019, by the student's confidence; a tenth of T is the least."""

import math

import numpy as np

SETTINGS = [{"beta": 1.0}, {"beta": 5.0}]
INVALID = [{"beta": -1.0}, {"beta": math.inf}]

# python -c "import numpy as np; from scipy.special import rel_entr, softmax
# z_T, z_S = np.array([[3., 1., -2.], [0., 1., 2.]]), np.array([[0.5, 2., -1.], [0., 0., 4.]])
# w = 1 / softmax(z_S, 1).max(1, keepdims=True); tau = 3 + 2 * (w.mean() - w)
# print(repr(9 * rel_entr(softmax(z_T / tau, 1), softmax(z_S / tau, 1)).sum()))"      # scipy 1.17.1
GOLDEN = {
    "student": [[0.5, 2.0, -1.0], [0.0, 0.0, 4.0]],
    "teacher": [[3.0, 1.0, -2.0], [0.0, 1.0, 2.0]],
    "labels": [0, 0],
    "settings": {"beta": 2.0},
    "value": 2.5110761772068626,
}


def weight(student):
    exponentials = [math.exp(z - max(student)) for z in student]
    return sum(exponentials) / max(exponentials)


def reference(student, teacher, *, labels, temperature, held, beta):
    weights = [weight(v) for v in held]
    changed = np.stack([student, teacher])
    for row, own in enumerate(weights):
        tau = max(temperature / 10, temperature + beta * (sum(weights) / len(weights) - own))
        changed[:, row] = changed[:, row] * temperature / tau
    return changed
