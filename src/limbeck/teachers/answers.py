"""What somebody else's teacher gives, as the logits or values that a run takes."""

from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.data import Task
from limbeck.errors import LimbeckError

Answers = Literal["logits", "probabilities"]
"""What a classifier gives."""
SUM = 1e-3
"""Within this of 1, the sum of numbers >= 0 is that of probabilities."""
_LEAST, _MOST = torch.finfo(torch.float32).tiny, 1 - torch.finfo(torch.float32).eps / 2
"""The probabilities nearest to 0 and 1 that float32 tells from them. Above the least one nothing is cut: raised to a
power, as a temperature does, small probabilities matter."""


def logarithms(probabilities: Tensor, *, independent: bool) -> Tensor:
    """Return the logits of probabilities, finite, as 0 counts as the least number above it.

    Args:
        probabilities: (rows, outputs), >= 0.
        independent: each stands for itself; else a row's sum is 1.
    """
    if independent:
        return probabilities.clamp(_LEAST, _MOST).logit()
    return probabilities.clamp(min=_LEAST).log()


def are_probabilities(numbers: NDArray[Any], task: Task) -> NDArray[np.bool_]:
    """Return which rows of numbers (rows, outputs) are probabilities of a task, (rows,); none are where it has none."""
    alone = np.all((numbers >= 0) & (numbers <= 1 + SUM), axis=1)
    together = np.abs(numbers.astype(np.float64).sum(axis=1) - 1) <= SUM
    found = {"distribution": alone & together, "independent": alone}
    return np.asarray(found.get(task.predicts, np.zeros(len(numbers))), np.bool_)


def to_logits(numbers: NDArray[np.float64], answers: Answers, task: Task) -> NDArray[np.float64]:
    """Return numbers (rows, outputs) as logits; of a task of values as they are."""
    if answers == "logits" or task.predicts == "values":
        return numbers
    return logarithms(torch.from_numpy(numbers), independent=task.predicts == "independent").numpy()


def as_logits(numbers: NDArray[Any], answers: Answers, task: Task, key: str) -> NDArray[np.float64]:
    """Return what a teacher gave as logits, (rows, outputs); of a task of values as it is.

    Args:
        numbers: (rows, outputs), finite.
        answers: what they are said to be.
        task: of the run.
        key: of the teacher in the recipe, for errors.

    Raises:
        LimbeckError: they are said to be probabilities and are none.
    """
    found = np.ascontiguousarray(numbers, np.float64)
    if found.ndim != 2 or not np.isfinite(found).all():  # which is refused later
        return found
    if answers == "probabilities" and task.predicts != "values":
        require_probabilities(found, task, key)
    return to_logits(found, answers, task)


def require_probabilities(found: NDArray[np.float64], task: Task, key: str) -> None:
    """Refuse numbers (rows, outputs) that are no probabilities of a task.

    Raises:
        LimbeckError: it says in how many rows, and shows one.
    """
    if not (right := are_probabilities(found, task)).all():
        row = int(np.argmin(right))
        shown = ", ".join(f"{number:.4g}" for number in found[row][:6])
        more = f" (sum {found[row].sum():.4g})" * (task.predicts == "distribution")
        raise LimbeckError(
            f"{int((~right).sum()):,} of {len(found):,} rows of its answers are no probabilities, as {shown}{more}",
            where=key,
            fix=f"return probabilities, or set {key}.answers=logits",
        )


def as_numbers(found: Any, rows: int, outputs: int) -> NDArray[np.float64]:
    """Return what a function of Python gave as an array; of a single output, numbers (rows,) are a column.

    A tensor of PyTorch may be on any device and may require a gradient.

    Raises:
        Exception: it is no array of numbers; what does not turn into one says so as it likes.
    """
    if isinstance(found, torch.Tensor):
        found = found.detach().cpu()
        found = found if found.is_complex() else found.double()
    if np.iscomplexobj(found):  # NumPy would drop a part of them, with a warning
        raise TypeError("complex numbers")
    numbers = np.asarray(found, np.float64)
    return numbers[:, None] if numbers.shape == (rows,) and outputs == 1 else numbers
