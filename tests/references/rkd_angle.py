"""Angle-wise relations from Park et al. 2019, section 3.2, loop by loop; where two rows coincide there is no angle."""

import math

import numpy as np

PARAMETERS = [{}]
INVALID = []
MINIMUM = 0.0

# By hand: the teacher's angles at the corners of a right triangle with equal legs have the cosines 0, 1/sqrt(2) and
# 1/sqrt(2); the student's rows 0, 1, 2 of a line have 1, -1 and 1. Each angle counts for two triples of six, times
# three rows: huber(1, 0) + huber(-1, 1/sqrt(2)) + huber(1, 1/sqrt(2)), with huber(d) = d^2 / 2 or d - 1/2.
GOLDEN = {
    "student": [[0.0], [1.0], [2.0]],
    "teacher": [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]],
    "parameters": {},
    "value": 0.5 + (0.5 + math.sqrt(0.5)) + (1 - math.sqrt(0.5)) ** 2 / 2,
}


def away(x, y):
    return [a - b for a, b in zip(x, y, strict=True)]


def size(x):
    return math.sqrt(sum(a**2 for a in x))


def cosine(rows, i, j, k):
    """Of the angle at row j; None: a row coincides with it."""
    one, other = away(rows[i], rows[j]), away(rows[k], rows[j])
    if size(one) == 0 or size(other) == 0:
        return None
    return sum((a / size(one)) * (b / size(other)) for a, b in zip(one, other, strict=True))


def smooth(student, teacher):
    """Whether the value can be differentiated: no two rows coincide."""
    pairs = [(i, j) for i in range(len(student)) for j in range(i)]
    return all(size(away(x[i], x[j])) > 0.5 for x in (student, teacher) for i, j in pairs)


def reference(student, teacher):
    rows, total, triples = len(student), 0.0, 0
    for i, j, k in np.ndindex(rows, rows, rows):
        if len({i, j, k}) < 3:
            continue
        triples += 1
        s, t = cosine(student, i, j, k), cosine(teacher, i, j, k)
        if s is not None and t is not None:
            off = abs(s - t)
            total += off**2 / 2 if off <= 1 else off - 0.5
    return rows * total / max(1, triples)


def best_student(teacher):
    """The same shape at another size and place, in another space."""
    return np.concatenate([3 * teacher + 1, np.zeros((len(teacher), 2))], axis=1)
