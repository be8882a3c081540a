"""A linear model on standardised features, as the task fits it, as a network."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from limbeck.data import Examples, FloorModel, Labels, Task
from limbeck.data.crossed import crossed_outputs
from limbeck.errors import LimbeckError

_APART = 1e-3
"""Largest difference between the outputs of a solver's model and of the head, relative to the largest output."""


class Head(nn.Module):
    """Standardise features and multiply them by weights.

    A row of d standardised features is divided by the root of d, so that its length is about 1, as that of a TF-IDF
    row: the strengths that a task tries for its floor fit.

    Args:
        width: number of features.
        outputs: number of outputs.
        distributions: how many outputs each distribution has, whose log-probabilities they are; none: the outputs are
            what the weights give.

    Attributes:
        center: (width,), subtracted from the features.
        scale: (width,), by which they are then multiplied.
        weights: (width, outputs).
        bias: (outputs,).
        learned: (outputs,) bool, False for a class without a labelled row, whose log-probability is its bias.
    """

    def __init__(self, width: int, outputs: int, distributions: Sequence[int]) -> None:
        super().__init__()
        self.distributions = list(distributions)
        self.register_buffer("center", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        self.register_buffer("learned", torch.ones(outputs, dtype=torch.bool))
        self.weights = nn.Parameter(torch.zeros(width, outputs), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(outputs), requires_grad=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return outputs (rows, outputs) of features (rows, width)."""
        found = self.standardised(features) @ self.weights + self.bias
        if not self.distributions:
            return found
        margins = found.masked_fill(~self.learned, -torch.inf).split(self.distributions, dim=-1)
        return torch.where(self.learned, torch.cat([part.log_softmax(-1) for part in margins], dim=-1), self.bias)

    def standardised(self, features: Tensor) -> Tensor:
        """Return the features as the weights take them."""
        return (features - self.center) * self.scale


def fit_head(
    features: NDArray[np.float32],
    labelled: Examples,
    held_out: NDArray[np.float32],
    validation: Examples,
    task: Task,
    folds: NDArray[np.int64] | None = None,
) -> tuple[Head, str]:
    """Return the task's linear model of features as a head, and a few words about the choice that was made.

    Means and deviations are those of the labelled rows, and so are the weights. The strength of the penalty is chosen
    on the validation rows, or on folds of the labelled ones, by the task's cost.

    Args:
        features: of the labelled rows, (rows, width).
        labelled: these rows.
        held_out: features of the validation rows.
        validation: these rows.
        task: that has seen the labels.
        folds: (rows,) the number of each labelled row's fold; None: validation rows choose.

    Raises:
        LimbeckError: the task has no linear model, or one that is no head.
    """
    head = Head(features.shape[1], task.outputs, distributions(task, labelled.labels))
    deviation = features.std(axis=0, dtype=np.float64)
    # What is equal in all rows but for rounding says nothing, and must not be blown up.
    told = deviation > 1e-6 * np.abs(features).max(axis=0)
    scale = np.where(told, 1 / np.where(told, deviation, 1), 0) / np.sqrt(max(1, told.sum()))
    head.center.copy_(torch.from_numpy(features.mean(axis=0, dtype=np.float64)))
    head.scale.copy_(torch.from_numpy(scale))
    own, others = (head.standardised(torch.from_numpy(each)).numpy() for each in (features, held_out))
    models = task.linear(own, labelled.labels)
    if not models:
        raise LimbeckError(
            f"a {task.kind} has no linear model that could be put on features", where="teacher", fix="take another kind"
        )
    if folds is None:
        costs = [task.cost(linear.model.outputs(others), validation.labels) for linear in models]
    else:
        crossed = crossed_outputs(folds, lambda kept, rows: _answers(task, own, labelled.labels, kept, rows))
        costs = [task.cost(outputs, labelled.labels) for outputs in crossed]
    best = models[int(np.argmin(costs))]
    _take(head, best, own)
    if _far_apart(head, torch.from_numpy(held_out), best.model.outputs(others)):
        raise LimbeckError(
            f"the linear model of a {task.kind} is no product of features and weights", where="teacher",
            fix="take another kind",
        )  # fmt: skip
    return head, ", ".join(f"{name} {value:g}" for name, value in best.settings.items() if isinstance(value, float))


def _answers(
    task: Task, features: NDArray[np.float32], labels: Labels, kept: NDArray[np.int64], rows: NDArray[np.int64]
) -> list[NDArray[np.float32]]:
    """Return what each of the task's linear models answers for some rows, fitted to others."""
    return [linear.model.outputs(features[rows]) for linear in task.linear(features[kept], labels.take(kept))]


def distributions(task: Task, labels: Labels) -> list[int]:
    """Return how many outputs each distribution of a task has; none where its outputs are no distributions."""
    if task.predicts != "distribution":
        return []
    return [column.outputs for column in task.solved_columns(labels)] or [task.outputs]


def _take(head: Head, linear: FloorModel, matrix: NDArray[np.float32]) -> None:
    """Give a head the weights of a solver's model: what it says of nothing, and of each feature alone, tells them.

    In a distribution that holds up to a constant of the row, so that the mean over its classes is taken off.
    """
    width = matrix.shape[1]
    nothing, alone = (
        np.asarray(linear.model.outputs(each.astype(matrix.dtype)), np.float64)
        for each in (np.zeros((1, width)), np.eye(width))
    )
    end = 0
    for count in head.distributions:
        own = slice(end, end := end + count)
        learned = (alone[:, own] != nothing[:, own]).any(axis=0)
        if learned.any():
            head.learned[own] = torch.from_numpy(learned)
        some = head.learned[own].numpy()
        means = [each[:, own][:, some].mean(axis=1, keepdims=True) for each in (nothing, alone)]
        unseen = nothing[:, own][:, ~some].copy()
        nothing[:, own] -= means[0]
        alone[:, own] -= means[1]
        for each in (nothing, alone):
            each[:, own][:, ~some] = unseen
    head.weights.copy_(torch.from_numpy(alone - nothing))
    head.bias.copy_(torch.from_numpy(nothing[0]))


def _far_apart(head: Head, features: Tensor, outputs: NDArray[np.float32]) -> bool:
    own: Any = head(features).numpy()
    return bool(np.abs(own - outputs).max() > _APART * max(1.0, float(np.abs(outputs).max())))
