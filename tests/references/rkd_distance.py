"""Distance-wise relations from Park et al. 2019, section 3.2, loop by loop; without a unit there is no relation."""

import math

import numpy as np

PARAMETERS = [{}]
INVALID = []
MINIMUM = 0.0

# python -c "import numpy as np; from scipy.special import huber; from scipy.spatial.distance import pdist
# s, t = (pdist(np.array(x)) for x in ([[0., 1.], [2., 1.], [5., 5.]], [[1.], [2.], [9.]]))
# print(repr(3 * huber(1, s / s.mean() - t / t.mean()).mean()))"      # scipy 1.17.1
GOLDEN = {
    "student": [[0.0, 1.0], [2.0, 1.0], [5.0, 5.0]],
    "teacher": [[1.0], [2.0], [9.0]],
    "parameters": {},
    "value": 0.054765478447323934,
}


def distance(x, y):
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(x, y, strict=True)))


def huber(a, b):
    off = abs(a - b)
    return off**2 / 2 if off <= 1 else off - 0.5


def smooth(student, teacher):
    """Whether the value can be differentiated: no two rows coincide."""
    pairs = [(i, j) for i in range(len(student)) for j in range(i)]
    return all(distance(x[i], x[j]) > 0.5 for x in (student, teacher) for i, j in pairs)


def reference(student, teacher):
    rows = len(student)
    pairs = [(i, j) for i in range(rows) for j in range(rows) if i != j]
    if not pairs:
        return 0.0
    mean_S, mean_T = (sum(distance(x[i], x[j]) for i, j in pairs) / len(pairs) for x in (student, teacher))
    if mean_S == 0 or mean_T == 0:
        return 0.0
    total = 0.0
    for i, j in pairs:
        total += huber(distance(student[i], student[j]) / mean_S, distance(teacher[i], teacher[j]) / mean_T)
    return rows * total / len(pairs)


def best_student(teacher):
    """The same shape at another size and place, in another space."""
    return np.concatenate([3 * teacher + 1, np.zeros((len(teacher), 2))], axis=1)
