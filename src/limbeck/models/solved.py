"""Networks that are solved for instead of trained."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from limbeck.data.fitted import SolvedColumn
from limbeck.runtime.rows import Rows


class Solved(nn.Module):
    """A network whose weights a solver finds exactly: it has no seed, no steps, no schedule and no checkpoint.

    Its weights may have any size before they are found; `load_state_dict` takes the sizes from what it loads.
    """

    @property
    def depends_on(self) -> Mapping[str, Any]:
        """What its weights depend on, besides what it learns: JSON."""
        raise NotImplementedError

    def solve(
        self,
        rows: Rows,
        columns: Sequence[SolvedColumn],
        *,
        weights: NDArray[np.float32] | None,
        cost: Callable[[nn.Module], float],
    ) -> str:
        """Find the weights; return a few words about the choice that was made.

        Args:
            rows: what is learned from.
            columns: of the labels, in the order of the outputs.
            weights: of the classes, (classes,): a row counts by its class; None: all 1.
            cost: of a candidate on the validation rows, lower is better: by it a penalty is chosen.
        """
        raise NotImplementedError
