"""Which predictions, examples or tokens of a batch count in a loss."""

from collections.abc import Callable

import torch
from torch import Tensor

from limbeck.errors import LimbeckError
from limbeck.types import Batch, TapShape


def labelled(counted: Tensor, batch: Batch) -> Tensor:
    """Return which of the predictions that count have a label."""
    if batch.labels is None:
        return torch.zeros_like(counted)
    if batch.labelled is None:
        return counted
    extra_axes = counted.ndim - batch.labelled.ndim
    return counted & batch.labelled.reshape(batch.labelled.shape + (1,) * extra_axes)


def _examples(counted: Tensor, batch: Batch) -> Tensor:
    """Return which examples count, (batch,): those of which any prediction does."""
    return counted.flatten(1).any(1) if counted.ndim > 1 else counted


def _tokens(counted: Tensor, batch: Batch) -> Tensor:
    """Return which tokens count, (batch, tokens): those of the mask, else the real tokens of examples that count.

    Raises:
        LimbeckError: the student is not told which tokens are real, or a live teacher reads others.
    """
    real = batch.student_inputs.get("attention_mask")
    if real is None:
        raise LimbeckError(
            "a loss that compares tokens has to know which are real, and the student reads no `attention_mask`",
            where="losses",
            fix="give it one, or take a loss of one vector an example",
        )
    teachers = (batch.teacher_inputs or {}).get("attention_mask", real)
    if not torch.equal(teachers, real):
        raise LimbeckError(
            "a loss compares tokens, and teacher and student read an example as different ones",
            where="losses",
            fix="give both the same `reads`, or take a loss of one vector an example",
        )
    return counted if counted.ndim > 1 else (real != 0) & counted[:, None]


COUNTED: dict[TapShape, Callable[[Tensor, Batch], Tensor]] = {"vector": _examples, "tokens": _tokens}
"""What counts where activations of a shape are compared."""
