"""KD from Hinton et al. 2015, section 2: soften both sides with equation 1, then the divergence, then T^2."""

import math

import numpy as np

PARAMETERS = [{"temperature": 1.0}, {"temperature": 4.0}, {"temperature": 0.5}]
INVALID = [{"temperature": 0.0}, {"temperature": -1.0}, {"temperature": math.inf}, {"temperature": math.nan}]
MINIMUM = 0.0

# python -c "import numpy as np; from scipy.special import rel_entr, softmax
# z_T, z_S = np.array([3., 1., -2.]), np.array([0.5, 2., -1.])
# print(repr(9 * rel_entr(softmax(z_T / 3), softmax(z_S / 3)).sum()))"      # scipy 1.17.1
GOLDEN = {
    "student": [0.5, 2.0, -1.0],
    "teacher": [3.0, 1.0, -2.0],
    "parameters": {"temperature": 3.0},
    "value": 1.502794863561622,
}


def softened(logits, temperature):
    exponentials = [math.exp((z - max(logits)) / temperature) for z in logits]
    return [e / sum(exponentials) for e in exponentials]


def reference(student, teacher, *, temperature):
    values = np.zeros(student.shape[:-1])
    for row in np.ndindex(values.shape):
        p_T, p_S = softened(teacher[row], temperature), softened(student[row], temperature)
        for p, q in zip(p_T, p_S, strict=True):
            values[row] += temperature**2 * p * math.log(p / q)
    return values
