"""Dynamic temperatures from Wen et al. 2019, by the student's confidence; a tenth of T is the least."""

import math

import numpy as np

SETTINGS = [{"beta": 1.0}, {"beta": 5.0}]
INVALID = [{"beta": -1.0}, {"beta": math.inf}]


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
