"""Weights that change while training: a number, or a ramp from `start` to `end` reached at share `until`.

In a recipe: `weight: 0.9`, or `weight: {schedule: cosine, start: 1, end: 0.1, until: 0.8}`.
"""

import math
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from limbeck.settings import Settings

NonNegative = Annotated[float, Field(ge=0)]


class _Ramp(Settings):
    start: NonNegative
    end: NonNegative
    until: Annotated[float, Field(gt=0, le=1)] = 1.0

    def __call__(self, progress: float) -> float:
        """Return the weight when the share `progress` in [0, 1] of the training steps is done."""
        if not 0 <= progress <= 1:
            raise ValueError(f"progress must be in [0, 1], not {progress}")
        done = self._eased(min(progress / self.until, 1.0))
        return (1 - done) * self.start + done * self.end

    def _eased(self, share: float) -> float:
        return share


class Linear(_Ramp):
    """A straight line from `start` to `end`."""

    schedule: Literal["linear"] = "linear"


class Cosine(_Ramp):
    """Half a cosine from `start` to `end`: flat at both ends."""

    schedule: Literal["cosine"] = "cosine"

    def _eased(self, share: float) -> float:
        return (1 - math.cos(math.pi * share)) / 2


def _kind(weight: Any) -> str:
    if isinstance(weight, dict):
        return str(weight.get("schedule"))
    return getattr(weight, "schedule", "number")


Weight = Annotated[
    Annotated[NonNegative, Tag("number")] | Annotated[Linear, Tag("linear")] | Annotated[Cosine, Tag("cosine")],
    Discriminator(_kind),
]


def ever_counts(weight: Weight) -> bool:
    """Return whether a weight is ever more than 0."""
    return max(weight.start, weight.end) > 0 if isinstance(weight, _Ramp) else weight > 0


def weight_at(weight: Weight, progress: float) -> float:
    """Return a weight's value when the share `progress` in [0, 1] of the training steps is done."""
    return weight(progress) if isinstance(weight, _Ramp) else weight
