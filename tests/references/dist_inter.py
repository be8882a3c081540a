"""The inter-class relation of Huang et al. 2022: 1 less Pearson's correlation over the classes, times T^2."""

import math

import numpy as np

from references._softmax import softmax

PARAMETERS = [{"temperature": 1.0}, {"temperature": 4.0}]
INVALID = [{"temperature": 0.0}, {"temperature": -1.0}, {"temperature": math.inf}]
MINIMUM = 0.0

# python -c "import numpy as np; from scipy.special import softmax; from scipy.stats import pearsonr
# z_T, z_S = np.array([3., 1., -2.]), np.array([0.5, 2., -1.])
# print(repr(4 * (1 - pearsonr(softmax(z_T / 2), softmax(z_S / 2)).statistic)))"      # scipy 1.17.1
GOLDEN = {
    "student": [0.5, 2.0, -1.0],
    "teacher": [3.0, 1.0, -2.0],
    "parameters": {"temperature": 2.0},
    "value": 3.5803815736226,
}


def regular(student, teacher):
    """Of equal probabilities there is no correlation."""
    places = np.arange(student.shape[-1])
    return student + math.sqrt(0.3) * places**2, teacher - math.sqrt(0.13) * places  # which nobody draws


def correlation(x, y):
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    both = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return both / math.sqrt(sum((a - mean_x) ** 2 for a in x) * sum((b - mean_y) ** 2 for b in y))


def reference(student, teacher, *, temperature):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        r = correlation(softmax(student[row], temperature), softmax(teacher[row], temperature))
        values[row] = temperature**2 * (1 - r)
    return values
