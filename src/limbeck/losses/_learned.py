"""A loss at a temperature that is learned: its values, with a gradient that reaches the temperature too."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

STEP = 1e-4
"""Share of the temperature by which it is moved to either side: in float64 the slope is right to some 1e-8."""


def at_learned(loss: Callable[..., Tensor], given: Sequence[Tensor], temperature: Tensor) -> Tensor:
    """Return what a loss says at a temperature, with a gradient that reaches the temperature too.

    Losses are written for a number, and give their gradient by the student's logits alone. The slope by T is a central
    difference of the same loss in float64, (L(T + h) - L(T - h)) / 2h: it holds for every loss that has a temperature.

    Args:
        loss: called with the tensors and `temperature=`, a number; one value a prediction.
        given: the logits of student and teacher, and what else it compares.
        temperature: () of a module that learns it.

    Returns:
        (*batch) the values at the temperature, bit for bit those that the number gives.
    """
    T = float(temperature.detach())
    values = loss(*given, temperature=T)
    with torch.no_grad():
        precise = [each.double() if each.is_floating_point() else each for each in given]
        above, below = (loss(*precise, temperature=T * (1 + side)) for side in (STEP, -STEP))
        slope = ((above - below) / (2 * STEP * T)).to(values.dtype)
    return values + slope * (temperature - temperature.detach())
