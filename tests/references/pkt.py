"""Probabilistic knowledge transfer from Passalis & Tefas 2018, section 3, loop by loop."""

import math

import numpy as np

PARAMETERS = [{}]
INVALID = []
MINIMUM = 0.0

# python -c "import numpy as np; from scipy.special import rel_entr
# from sklearn.metrics.pairwise import cosine_similarity
# def p(x):
#     k = (1 + cosine_similarity(np.array(x))) / 2 + 1e-7; np.fill_diagonal(k, 0); return k / k.sum(1, keepdims=True)
# s, t = p([[0., 1.], [2., 1.], [5., 5.], [1., -1.]]), p([[1., 3.], [2., 0.], [-3., 1.], [1., 1.]])
# print(repr(rel_entr(t, s).sum()))"      # scipy 1.17.1, scikit-learn 1.9.1
GOLDEN = {
    "student": [[0.0, 1.0], [2.0, 1.0], [5.0, 5.0], [1.0, -1.0]],
    "teacher": [[1.0, 3.0], [2.0, 0.0], [-3.0, 1.0], [1.0, 1.0]],
    "parameters": {},
    "value": 1.7788946344042778,
}


def size(x):
    return math.sqrt(sum(a**2 for a in x))


def kernel(x, y):
    cosine = sum((a / size(x)) * (b / size(y)) for a, b in zip(x, y, strict=True))
    return max(0.0, (1 + cosine) / 2) + 1e-7


def smooth(student, teacher):
    """Whether the value can be differentiated: no row is zero, and no two are opposite."""
    if not all(size(row) > 0.5 for x in (student, teacher) for row in x):
        return False
    return all(kernel(x[i], x[j]) > 0.01 for x in (student, teacher) for i in range(len(x)) for j in range(i))


def reference(student, teacher):
    total, there = 0.0, [i for i in range(len(student)) if size(student[i]) > 0 and size(teacher[i]) > 0]
    for i in there:
        others = [j for j in there if j != i]
        sum_S, sum_T = (sum(kernel(x[i], x[k]) for k in others) for x in (student, teacher))
        for j in others:
            p_T, p_S = kernel(teacher[i], teacher[j]) / sum_T, kernel(student[i], student[j]) / sum_S
            total += p_T * math.log(p_T / p_S)
    return total


def best_student(teacher):
    """The same directions in another space."""
    return np.concatenate([3 * teacher, np.zeros((len(teacher), 2))], axis=1)
