"""Networks that are solved for instead of trained."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from limbeck.data.fitted import SolvedColumn
from limbeck.data.least import Slope
from limbeck.runtime.rows import Rows

Cost = Callable[[nn.Module], float]
"""Of a candidate on the validation rows, lower is better: by it a penalty is chosen."""


class Solved(nn.Module):
    """A network whose weights a solver finds exactly: it has no seed, no steps, no schedule and no checkpoint.

    Its weights may have any size before they are found; `load_state_dict` takes the sizes from what it loads.
    """

    @property
    def depends_on(self) -> Mapping[str, Any]:
        """What its weights depend on, besides what it learns: JSON."""
        raise NotImplementedError


class SolvedByLabels(Solved):
    """A teacher that is solved by labels, one column apart from the others."""

    def solve(
        self,
        rows: Rows,
        columns: Sequence[SolvedColumn],
        *,
        weights: NDArray[np.float32] | None,
        cost: Cost,
    ) -> str:
        """Find the weights; return a few words about the choice that was made.

        Args:
            rows: what is learned from.
            columns: of the labels, in the order of the outputs.
            weights: of the classes, (classes,): a row counts by its class; None: all 1.
            cost: see `Cost`.
        """
        raise NotImplementedError


class SolvedByLosses(Solved):
    """A student whose outputs are linear in its weights: the losses of a recipe have one least, and it is found."""

    def solve(self, rows: Rows, slope: Slope, *, cost: Cost) -> dict[str, float]:
        """Find the weights; return what was chosen by the cost, by name.

        Args:
            rows: what is learned from.
            slope: the recipe's losses of the outputs for these rows, and their gradient.
            cost: see `Cost`.
        """
        raise NotImplementedError

    @property
    def temperature(self) -> float | None:
        """By what the outputs are divided when it is solved; None: by what fits the rows that choose best."""
        return None

    @property
    def strengths(self) -> Sequence[float]:
        """Of the penalty, in the order in which they are tried; the last ones are left out where costs rise."""
        raise NotImplementedError

    def divide(self, by: float) -> None:
        """Divide the outputs by a temperature, once and for all: in the weights."""
        raise NotImplementedError
