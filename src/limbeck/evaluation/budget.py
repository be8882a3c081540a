"""How much of a budget reaches a given quality, by interpolation between the budgets that were tried."""

import math
from collections.abc import Sequence


def first_reached(budgets: Sequence[float], quality: Sequence[float], wanted: float) -> float | None:
    """Return the smallest budget at which a curve of quality reaches a level.

    Between two neighbouring budgets the curve is a straight line over the logarithm of the budget. Where it falls again
    after it was there, the first time counts. A first budget that is already enough is returned as it is: the answer is
    then at most that.

    Args:
        budgets: greater than 0, ascending.
        quality: at each, the mean over seeds.
        wanted: the level.

    Returns:
        A number in [budgets[0], budgets[-1]]; None where the curve stays below the level.
    """
    before: tuple[float, float] | None = None
    for budget, value in zip(budgets, quality, strict=True):
        if value >= wanted:
            if before is None:
                return budget
            low, left = before
            part = (wanted - left) / (value - left)
            return math.exp(math.log(low) + part * (math.log(budget) - math.log(low)))
        before = budget, value
    return None
