"""The class level of Jin et al. 2023: the squared distance of the Gram matrices of the classes."""

import math

from references._softmax import softmax

PARAMETERS = [{"temperatures": (2.0, 3.0, 4.0, 5.0, 6.0)}, {"temperatures": (0.5,)}]
INVALID = [{"temperatures": ()}, {"temperatures": (1.0, 0.0)}, {"temperatures": (math.inf,)}]
MINIMUM = 0.0

# python -c "import numpy as np; from scipy.special import softmax
# z_T, z_S = np.array([[3., 1], [0, 0]]), np.array([[.5, 2], [1, 0]])
# g = lambda z, T: softmax(z / T, 1).T @ softmax(z / T, 1)
# print(repr(2 * sum(((g(z_T, T) - g(z_S, T)) ** 2).sum() / 2 for T in (1, 2))))"      # scipy 1.17.1
GOLDEN = {
    "student": [[0.5, 2.0], [1.0, 0.0]],
    "teacher": [[3.0, 1.0], [0.0, 0.0]],
    "parameters": {"temperatures": (1.0, 2.0)},
    "value": 0.6028943770496072,
}


def reference(student, teacher, *, temperatures):
    classes, total = student.shape[-1], 0.0
    for T in temperatures:
        own, other = ([softmax(row, T) for row in z] for z in (student, teacher))
        for c in range(classes):
            for d in range(classes):
                m_S = sum(row[c] * row[d] for row in own)
                m_T = sum(row[c] * row[d] for row in other)
                total += (m_T - m_S) ** 2
    return len(student) * total / classes
