"""What the floor's models have in common: fitted to features, and without a network."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Setting = float | int | str | bool | None


@dataclass(frozen=True, slots=True)
class SolvedColumn:
    """One column of the labels, as a solver learns it: apart from the other columns.

    Attributes:
        kind: what it holds, and what the outputs for it are. `class`: one of several classes; their log-probabilities.
            `flag`: yes or no; the log-odds of yes. `value`: a number in standard deviations; that number.
        values: (rows,) int64 class indices, bool, or float64.
        outputs: how many outputs it has: of classes one each, else 1.
    """

    kind: Literal["class", "flag", "value"]
    values: NDArray[Any]
    outputs: int = 1


NODE = 5
"""Numbers of a tree's node: which column it looks at, its threshold, the nodes on both sides, and its answer."""
SET = 8
"""Numbers of 32 bits that say which categories go left at a node that looks at some."""


def count_numbers(model: Any) -> int:
    """Return how many numbers the trees of a `HistGradientBoosting...` of scikit-learn hold, see `NODE` and `SET`."""
    trees = [tree for stage in model._predictors for tree in stage]
    nodes, sets = sum(len(tree.nodes) for tree in trees), sum(len(tree.raw_left_cat_bitsets) for tree in trees)
    return NODE * nodes + SET * sets + model._baseline_prediction.size


@dataclass(frozen=True)
class FloorModel:
    """A fitted model of features, without a network.

    Attributes:
        method: what it is, in words: `logistic regression`.
        settings: how it was fitted, of what is tried.
        parameters: of a linear model coefficients and intercepts; of trees see `NODE`.
        model: its `outputs(matrix)` are (rows, outputs) float32, as a network's.
        exact: makes the model that stands in its place once it is chosen; None: it stays.
    """

    method: str
    settings: Mapping[str, Setting]
    parameters: int
    model: "HasOutputs"
    exact: Callable[[], "HasOutputs"] | None = None


class HasOutputs(ABC):
    """Something fitted that answers."""

    @abstractmethod
    def outputs(self, matrix: Any) -> NDArray[np.float32]:
        """Return (rows, outputs) float32."""
