"""One training step: from a batch to the sums and counts of every term."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from limbeck.errors import LimbeckError
from limbeck.losses import Objective
from limbeck.networks import Precision
from limbeck.taps import Trainable
from limbeck.teachers import MovingNetwork, Teacher
from limbeck.types import Batch, Outputs


class Distiller:
    """A student, what it is trained on, and whom it listens to.

    Args:
        student: called with a batch's `student_inputs`; returns logits.
        objective: the weighted terms.
        teacher: live or cached; None for a student that learns from labels alone.
        example: any batch, for an objective that compares activations: it tells their widths.
        seen: returns outputs as the terms compare them, student's and teacher's alike; None: as they are.

    Attributes:
        student: the one module that is kept.
        moving: the teacher, where it moves with the student; None: it stays as it is.
        trainable: the student with its projectors and the objective's critics: what is trained.

    Raises:
        LimbeckError: a term needs a teacher, and there is none; or a tap that cannot be read.
        TypeError: the objective is none.
    """

    def __init__(
        self,
        student: nn.Module,
        objective: Objective,
        teacher: Teacher | None = None,
        *,
        example: Batch | None = None,
        seen: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        if not isinstance(objective, Objective):
            raise TypeError(f"objective must be an Objective, such as 1.0 * KD(), not {type(objective).__name__}")
        if objective.needs & {"teacher", "taps"} and teacher is None:
            raise LimbeckError("a loss compares with a teacher, and this arm has none", where="losses")
        self.student, self.objective, self.teacher = student, objective, teacher
        self.moving = teacher if isinstance(teacher, MovingNetwork) else None
        self._seen = seen
        self.trainable = _trainable(student, objective, teacher, example)

    def follow(self, student: nn.Module, done: int, group: Sequence[Batch]) -> None:
        """Let a teacher that moves take its step after the student's, see `MovingNetwork.follow`."""
        if self.moving is not None:
            self.moving.follow(student, done, group)

    def counts(self, batch: Batch) -> dict[str, int]:
        """Return how many predictions each term counts; known before any forward."""
        return self.objective.counts(batch)

    def step(
        self, batch: Batch, precision: Precision = "fp32", *, wrapped: nn.Module | None = None
    ) -> dict[str, Tensor]:
        """Return each term's sum over the predictions it counts; the caller divides by the whole group's count.

        Args:
            batch: on the student's device.
            precision: of the student's forward alone; the teacher's answers and the losses do not depend on it.
            wrapped: the trainable as several processes share it; None: as it is.
        """
        with torch.autocast(batch.device.type, torch.bfloat16, enabled=precision == "bf16"):
            logits, features, learned = (wrapped or self.trainable)(**batch.student_inputs)
        answers = self.teacher.predict(batch) if self.teacher is not None else None
        own = Outputs(logits, features)
        # Where the task compares outputs as they are, the teacher's stay in their form.
        if self._seen is not None and (seen := self._seen(own.dense)) is not own.dense:
            own = replace(own, logits=seen)
            if answers is not None:
                answers = replace(answers, logits=self._seen(answers.dense))
        return self.objective.sums(own, answers, batch, learned)


def _trainable(student: nn.Module, objective: Objective, teacher: Teacher | None, example: Batch | None) -> Trainable:
    pairs, critics = objective.pairs, objective.critics()
    if not pairs:
        return Trainable(student, critics=critics)
    if teacher is None or example is None:
        raise ValueError("an objective that compares activations needs a teacher and an example batch")
    answers = teacher.predict(example)
    names = [pair.taps[1].name for pair in pairs]
    widths = {name: answers.features[name].shape[-1] for name in names}
    return Trainable(student, pairs, widths, example.student_inputs, critics)
