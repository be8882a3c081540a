"""The batch level of Jin et al. 2023: the squared distance of the Gram matrices of the rows."""

import math

from references._softmax import softmax

PARAMETERS = [{"temperatures": (2.0, 3.0, 4.0, 5.0, 6.0)}, {"temperatures": (0.5,)}]
INVALID = [{"temperatures": ()}, {"temperatures": (1.0, 0.0)}, {"temperatures": (math.inf,)}]
MINIMUM = 0.0

# python -c "import numpy as np; from scipy.special import softmax
# z_T, z_S = np.array([[3., 1], [0, 0]]), np.array([[.5, 2], [1, 0]])
# g = lambda z, T: softmax(z / T, 1) @ softmax(z / T, 1).T
# print(repr(sum(((g(z_T, T) - g(z_S, T)) ** 2).sum() for T in (1, 2))))"      # scipy 1.17.1
GOLDEN = {
    "student": [[0.5, 2.0], [1.0, 0.0]],
    "teacher": [[3.0, 1.0], [0.0, 0.0]],
    "parameters": {"temperatures": (1.0, 2.0)},
    "value": 0.0688371293839804,
}


def reference(student, teacher, *, temperatures):
    """The paper divides by the rows, and the sum is times the rows."""
    total = 0.0
    for T in temperatures:
        own, other = ([softmax(row, T) for row in z] for z in (student, teacher))
        for i in range(len(own)):
            for j in range(len(own)):
                g_S = sum(a * b for a, b in zip(own[i], own[j], strict=True))
                g_T = sum(a * b for a, b in zip(other[i], other[j], strict=True))
                total += (g_T - g_S) ** 2
    return total
