"""Curriculum temperature from Li et al. 2023, for the loss kd: its mean, and how it rises with the parameter."""

import math

import numpy as np

SETTINGS = [{}]
INVALID = [{"least": 0.0}, {"most": -1.0}, {"until": 0.0}, {"until": 1.5}]


def temperature_of(raw, *, least, most):
    return least + (most - least) / (1 + math.exp(-raw))


def softened(logits, temperature):
    exponentials = [math.exp((z - max(logits)) / temperature) for z in logits]
    return [e / sum(exponentials) for e in exponentials]


def reference(student, teacher, raw, *, least, most):
    """T^2 times the divergence at the temperature that the parameter means, (rows,)."""
    temperature, values = temperature_of(raw, least=least, most=most), np.zeros(len(student))
    for row in range(len(student)):
        p_T, p_S = softened(teacher[row], temperature), softened(student[row], temperature)
        for p, q in zip(p_T, p_S, strict=True):
            values[row] += temperature**2 * p * math.log(p / q)
    return values


def climbed(student, teacher, raw, *, steps, lr, strengths, least, most):
    """The parameter after steps of plain gradient ascent on the mean, each of a strength of its own."""
    for step in range(steps):
        up, down = (reference(student, teacher, raw + h, least=least, most=most).mean() for h in (1e-5, -1e-5))
        raw += lr * strengths[step] * (up - down) / 2e-5
    return raw
