"""How much a labelled row counts, by its class: rare classes are heard as often as common ones, or as a recipe says."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from limbeck.data.examples import Labels
from limbeck.errors import LimbeckError, nearest

Weighting = Literal["balanced"] | Mapping[str, float]


def weights_of(weighting: Weighting | None, labels: Labels, classes: Sequence[str]) -> NDArray[np.float32] | None:
    """Return the weight of each class, (classes,) float32, of mean 1 over the labelled rows; None where all count 1.

    `balanced` weighs class c by n / (k * n_c), as scikit-learn does: n labelled rows, of which n_c are of class c, and
    k classes among them; a class without a labelled row has weight 1. In a mapping, a class that is left out has weight
    1 before the mean is made 1. Where no label is known beforehand (a loader's), a mapping is taken as it is.

    Args:
        weighting: of `data.class_weights`.
        labels: of the rows that are learned from.
        classes: their names.

    Raises:
        LimbeckError: a name that is no class, or `balanced` without labels to count.
    """
    if weighting is None:
        return None
    counts = np.bincount(labels.known, minlength=len(classes))
    if weighting == "balanced":
        if not counts.any():
            raise LimbeckError(
                "the labels of a loader cannot be counted before its batches come",
                where="data.class_weights",
                fix="give a mapping of class names to weights in the place of `balanced`",
            )
        even = counts.sum() / np.count_nonzero(counts)
        return np.where(counts, even / counts.clip(min=1), 1.0).astype(np.float32)
    require_classes(weighting, classes)
    weights = np.array([weighting.get(name, 1.0) for name in classes])
    mean = np.average(weights, weights=counts) if counts.any() else 1.0
    return (weights / mean).astype(np.float32)


def require_classes(weighting: Weighting | None, classes: Sequence[str]) -> None:
    """Refuse weights of a name that is no class."""
    for name in weighting if isinstance(weighting, Mapping) else ():
        if name not in classes:
            raise LimbeckError(f"no class `{name}`", where="data.class_weights", fix=nearest(name, classes))
