"""A student that is told which class its teacher decides for, and nothing more."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import TYPE_CHECKING

from limbeck.data.task import TaskOptions

if TYPE_CHECKING:  # a finished student is judged where there is no torch
    from limbeck.losses import LossSettings


class TellsDecisions(TaskOptions, ABC):
    """Settings of a task whose predictions are of one of several classes each."""

    def decided(self, losses: Sequence[LossSettings]) -> list[LossSettings]:
        """Return a recipe's losses as they are for a student that is told the teacher's decisions and nothing more."""
        from limbeck.losses import with_hard_labels

        return with_hard_labels(losses)

    def decides(self, losses: Sequence[LossSettings]) -> bool:
        """Return whether such a student is told anything."""
        from limbeck.losses import HardLabels

        return any(entry.name == HardLabels.card.name for entry in self.decided(losses))
