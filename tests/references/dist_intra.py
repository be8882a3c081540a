"""The intra-class relation of Huang et al. 2022: 1 less the correlation over the batch, a mean over classes."""

import math

import numpy as np

from references._softmax import softmax

PARAMETERS = [{"temperature": 1.0}, {"temperature": 4.0}]
INVALID = [{"temperature": 0.0}, {"temperature": -1.0}, {"temperature": math.inf}]
MINIMUM = 0.0

# python -c "import numpy as np; from scipy.special import softmax; from scipy.stats import pearsonr
# T, S = (softmax(np.array(z) / 2, 1) for z in ([[3., 1], [0, 0], [1, 0]], [[.5, 2], [1, 0], [0, -1]]))
# print(repr(3 * 4 * np.mean([1 - pearsonr(T[:, c], S[:, c]).statistic for c in (0, 1)])))"      # scipy 1.17.1
GOLDEN = {
    "student": [[0.5, 2.0], [1.0, 0.0], [0.0, -1.0]],
    "teacher": [[3.0, 1.0], [0.0, 0.0], [1.0, 0.0]],
    "parameters": {"temperature": 2.0},
    "value": 22.178407993057128,
}


def regular(student, teacher):
    """Of a class that is equal over the batch there is no correlation: rows that differ, and no certain ones."""
    draw = np.random.default_rng(len(student))
    return (each / 20 + 2 * draw.standard_normal(each.shape) for each in (student, teacher))


def direction(values):
    """Less the mean, at unit length; equal ones have none."""
    mean = sum(values) / len(values)
    length = math.sqrt(sum((v - mean) ** 2 for v in values))
    return [0.0 if max(values) == min(values) else (v - mean) / length for v in values]


def reference(student, teacher, *, temperature):
    """1 - r is half the squared distance of two directions; that also says what it is where one has none."""
    own, other = ([softmax(row, temperature) for row in z] for z in (student, teacher))
    total = 0.0
    for c in range(student.shape[-1]):
        u, v = (direction([row[c] for row in rows]) if rows else [] for rows in (own, other))
        total += sum((a - b) ** 2 for a, b in zip(u, v, strict=True)) / 2
    return len(student) * temperature**2 * total / student.shape[-1]
