"""Similarity preserving from Tung & Mori 2019, equations 1 to 4, loop by loop; rows of zeros have no similarity."""

import math

import numpy as np

PARAMETERS = [{}]
INVALID = []
MINIMUM = 0.0

# python -c "import numpy as np; from sklearn.preprocessing import normalize
# s, t = (normalize(np.array(x) @ np.array(x).T) for x in ([[0., 1.], [2., 1.], [5., 5.]], [[1.], [2.], [-3.]]))
# print(repr(3 * ((s - t) ** 2).sum() / 9))"      # scikit-learn 1.9.1
GOLDEN = {
    "student": [[0.0, 1.0], [2.0, 1.0], [5.0, 5.0]],
    "teacher": [[1.0], [2.0], [-3.0]],
    "parameters": {},
    "value": 2.4031186999329375,
}


def similarities(rows):
    """Of each row: its inner products with all, divided by their norm; None: they are 0."""
    found = []
    for x in rows:
        products = [sum(a * b for a, b in zip(x, y, strict=True)) for y in rows]
        norm = math.sqrt(sum(each**2 for each in products))
        found.append([each / norm for each in products] if norm > 0 else None)
    return found


def smooth(student, teacher):
    """Whether the value can be differentiated: no row is zero."""
    return all(np.sqrt((x**2).sum(1)).min(initial=1) > 0.5 for x in (student, teacher))


def reference(student, teacher):
    total = 0.0
    for s, t in zip(similarities(student), similarities(teacher), strict=True):
        if s is not None and t is not None:
            total += sum((a - b) ** 2 for a, b in zip(s, t, strict=True))
    return total / max(1, len(student))


def best_student(teacher):
    """The same directions in another space."""
    return np.concatenate([3 * teacher, np.zeros((len(teacher), 2))], axis=1)
