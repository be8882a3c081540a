"""Correlation congruence from Peng et al. 2019, section 3, with the series of the Gaussian kernel, loop by loop."""

import math

import numpy as np

PARAMETERS = [{"gamma": 0.4, "order": 2}, {"gamma": 1.0, "order": 4}]
INVALID = [{"gamma": 0.0}, {"gamma": math.inf}, {"order": 0}, {"order": 21}]
MINIMUM = 0.0

# At 20 terms the series is the kernel. python -c "import numpy as np
# from sklearn.metrics.pairwise import rbf_kernel; from sklearn.preprocessing import normalize
# s, t = (rbf_kernel(normalize(np.array(x)), gamma=0.4) for x in ([[0., 1.], [2., 1.], [5., 5.]], [[1.], [2.], [-3.]]))
# print(repr(3 * ((s - t) ** 2).sum() / 9))"      # scikit-learn 1.9.1
GOLDEN = {
    "student": [[0.0, 1.0], [2.0, 1.0], [5.0, 5.0]],
    "teacher": [[1.0], [2.0], [-3.0]],
    "parameters": {"gamma": 0.4, "order": 20},
    "value": 0.6995288168530894,
}


def size(x):
    return math.sqrt(sum(a**2 for a in x))


def kernel(x, y, gamma, order):
    cosine = sum((a / size(x)) * (b / size(y)) for a, b in zip(x, y, strict=True))
    return math.exp(-2 * gamma) * sum((2 * gamma) ** p / math.factorial(p) * cosine**p for p in range(order + 1))


def smooth(student, teacher):
    """Whether the value can be differentiated: no row is zero."""
    return all(size(row) > 0.5 for x in (student, teacher) for row in x)


def reference(student, teacher, *, gamma, order):
    rows, total = len(student), 0.0
    for i, j in np.ndindex(rows, rows):
        if all(size(row) > 0 for row in (student[i], student[j], teacher[i], teacher[j])):
            total += (kernel(student[i], student[j], gamma, order) - kernel(teacher[i], teacher[j], gamma, order)) ** 2
    return rows * total / max(1, rows**2)


def best_student(teacher):
    """The same directions in another space."""
    return np.concatenate([3 * teacher, np.zeros((len(teacher), 2))], axis=1)
