"""The intra-class relation of Huang et al. 2022: 1 less the correlation over the batch, a mean over classes."""

import math

import numpy as np

from references._softmax import softmax

PARAMETERS = [{"temperature": 1.0}, {"temperature": 4.0}]
INVALID = [{"temperature": 0.0}, {"temperature": -1.0}, {"temperature": math.inf}]
MINIMUM = 0.0

# python -c "import numpy as np; from scipy.special import softmax; from scipy.stats import pearsonr
# T, S = (softmax(np.array(z) / 2, 1) for z in ([[3., 1], [0, 0], [1, 0]], [[.5, 2], [1, 0], [0, -1]]))
# print(repr(4 * np.mean([1 - pearsonr(T[:, c], S[:, c]).statistic for c in (0, 1)])))"      # scipy 1.17.1
GOLDEN = {
    "student": [[0.5, 2.0], [1.0, 0.0], [0.0, -1.0]],
    "teacher": [[3.0, 1.0], [0.0, 0.0], [1.0, 0.0]],
    "parameters": {"temperature": 2.0},
    "value": 7.392802664352376,
}


def regular(student, teacher):
    """Of a class that is equal over the batch there is no correlation: rows that differ, and no certain ones."""
    draw = np.random.default_rng(len(student))
    return (each / 20 + 2 * draw.standard_normal(each.shape) for each in (student, teacher))


def correlation(x, y):
    """A class of one row, or of equal ones on both sides: nothing to learn; the other case is not asked for."""
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    both = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    spread = sum((a - mean_x) ** 2 for a in x) * sum((b - mean_y) ** 2 for b in y)
    return both / math.sqrt(spread) if spread else 1.0


def reference(student, teacher, *, temperature):
    classes = student.shape[-1]
    own, other = ([softmax(row, temperature) for row in z.reshape(-1, classes)] for z in (student, teacher))
    total = 0.0
    for c in range(classes):
        total += 1 - correlation([row[c] for row in own], [row[c] for row in other])
    return np.full(student.shape[:-1], temperature**2 * total / classes)
