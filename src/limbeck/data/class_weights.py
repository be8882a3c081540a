"""How much a labelled row counts, by its class: rare classes are heard as often as common ones, or as a recipe says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from limbeck.data.examples import UNLABELLED
from limbeck.errors import LimbeckError, nearest
from limbeck.types import Batch

Weighting = Literal["balanced"] | Mapping[str, float]


def class_weights(
    weighting: Weighting | None, labels: NDArray[np.int64], classes: Sequence[str]
) -> NDArray[np.float32] | None:
    """Return the weight of each class, (classes,) float32, of mean 1 over the labelled rows; None where all count 1.

    `balanced` weighs class c by n / (k * n_c), as scikit-learn does: n labelled rows, of which n_c are of class c, and
    k classes among them; a class without a labelled row has weight 1. In a mapping, a class that is left out has weight
    1 before the mean is made 1. Where no label is known beforehand (a loader's), a mapping is taken as it is.

    Args:
        weighting: of `data.class_weights`.
        labels: (rows,) class indices of the rows that are learned from; -1 where there is none.
        classes: their names.

    Raises:
        LimbeckError: a name that is no class, or `balanced` without labels to count.
    """
    if weighting is None:
        return None
    counts = np.bincount(labels[labels != UNLABELLED], minlength=len(classes))
    if weighting == "balanced":
        if not counts.any():
            raise LimbeckError(
                "the labels of a loader cannot be counted before its batches come",
                where="data.class_weights",
                fix="give a mapping of class names to weights in the place of `balanced`",
            )
        even = counts.sum() / np.count_nonzero(counts)
        return np.where(counts, even / counts.clip(min=1), 1.0).astype(np.float32)
    for name in weighting:
        if name not in classes:
            raise LimbeckError(f"no class `{name}`", where="data.class_weights", fix=nearest(name, classes))
    weights = np.array([weighting.get(name, 1.0) for name in classes])
    mean = np.average(weights, weights=counts) if counts.any() else 1.0
    return (weights / mean).astype(np.float32)


class _Source(Protocol):
    def group(self, step: int) -> Iterator[Batch]: ...


class WeightedBatches:
    """The batches of another source, each labelled row with the weight of its class.

    Args:
        source: yields the micro-batches of a step.
        weights: (classes,) float32.
    """

    def __init__(self, source: _Source, weights: NDArray[np.float32]) -> None:
        self._source, self._weights = source, torch.from_numpy(weights)

    def group(self, step: int) -> Iterator[Batch]:
        """Yield the micro-batches of a step."""
        for batch in self._source.group(step):
            if batch.labels is None:
                yield batch
                continue
            # A label that is no class is refused by the loss, which knows the classes as the logits' last axis.
            weights = self._weights[batch.labels.clamp(0, len(self._weights) - 1)]
            yield replace(batch, weights=torch.where(batch.labels == UNLABELLED, 1.0, weights))
