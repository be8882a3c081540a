"""One training step: from a batch to the sums and counts of every term."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from limbeck.errors import LimbeckError
from limbeck.losses import Objective
from limbeck.teachers import Teacher
from limbeck.types import Batch, Outputs


@dataclass(frozen=True, slots=True)
class Distiller:
    """A student, what it is trained on, and whom it listens to.

    Attributes:
        student: the one module that is trained.
        objective: the weighted terms.
        teacher: live or cached; None for a student that learns from labels alone.

    Raises:
        LimbeckError: a term needs a teacher, and there is none.
    """

    student: nn.Module
    objective: Objective
    teacher: Teacher | None = None

    def __post_init__(self) -> None:
        if "teacher" in self.objective.needs and self.teacher is None:
            raise LimbeckError("a loss compares with a teacher, and this arm has none", where="losses")

    def counts(self, batch: Batch) -> dict[str, int]:
        """Return how many predictions each term counts; known before any forward."""
        return self.objective.counts(batch)

    def step(self, batch: Batch, precision: Literal["fp32", "bf16"] = "fp32") -> dict[str, Tensor]:
        """Return each term's sum over the predictions it counts; the caller divides by the whole group's count.

        Args:
            batch: on the student's device.
            precision: of the student's forward alone; the teacher's answers and the losses do not depend on it.
        """
        with torch.autocast(batch.ids.device.type, torch.bfloat16, enabled=precision == "bf16"):
            outputs = Outputs(logits=self.student(**batch.student_inputs))
        answers = self.teacher.predict(batch) if self.teacher is not None else None
        return self.objective.sums(outputs, answers, batch)
