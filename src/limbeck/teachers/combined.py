"""Teachers made of teachers: one with a temperature of its own, and several as one."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from limbeck.digest import digest
from limbeck.evaluation import Pool
from limbeck.teachers.base import Teacher
from limbeck.types import Batch, Outputs


class Scaled:
    """A teacher whose logits are divided by a temperature that was fitted on validation.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks" (arXiv 1706.04599), section 4.2.

    Args:
        teacher: whose answers are scaled; its activations stay as they are.
        temperature: greater than 0; above 1 for a teacher that is too sure.
    """

    def __init__(self, teacher: Teacher, temperature: float) -> None:
        self._teacher, self._temperature = teacher, temperature
        self.digest = digest([teacher.digest, temperature])

    def predict(self, batch: Batch) -> Outputs:
        """Return the teacher's answers with scaled logits."""
        answers = self._teacher.predict(batch)
        return Outputs(answers.dense / self._temperature, answers.features)


class Ensemble:
    """Several teachers as one: the logits are the log of their probabilities, averaged or multiplied; see `mix`.

    Source: Hinton, Vinyals and Dean 2015 (arXiv 1503.02531), section 1: an ensemble's averaged predictions as targets,
    by arithmetic or geometric mean.

    Args:
        teachers: of the same classes; their activations are not passed on.
        weights: one each, not negative and not all 0; of a mean their sum is 1.
        pool: how they are pooled.

    Raises:
        ValueError: the weights are none such.
    """

    def __init__(self, teachers: Sequence[Teacher], weights: Sequence[float], pool: Pool = "mean") -> None:
        total = sum(weights)
        if len(weights) != len(teachers) or min(weights, default=-1) < 0 or not total:
            raise ValueError(f"{len(teachers)} teachers need as many weights, not {list(weights)}")
        if pool == "mean" and abs(total - 1) > 1e-6:
            raise ValueError(f"the weights of a mean have the sum 1, not {total:g}")
        self._teachers, self._weights, self._pool = tuple(teachers), tuple(weights), pool
        named: list[object] = [[teacher.digest for teacher in teachers], list(weights)]
        self.digest = digest(named if pool == "mean" else [*named, pool])

    def predict(self, batch: Batch) -> Outputs:
        """Return logits (batch, classes): normalised log-probabilities."""
        return Outputs(mix([teacher.predict(batch).dense for teacher in self._teachers], self._weights, self._pool))


def mix(logits: Sequence[Tensor], weights: Sequence[float], pool: Pool = "mean") -> Tensor:
    """Return the log of pooled probabilities, (..., classes), of logits of that shape.

    mean     the weighted mean of the probabilities
    product  their product, each to the power of its weight, normalised
    """
    parts = [(each.log_softmax(-1), weight) for each, weight in zip(logits, weights, strict=True) if weight]
    if pool == "product":
        return torch.stack([weight * each for each, weight in parts]).sum(0).log_softmax(-1)
    return torch.stack([each + math.log(weight) for each, weight in parts]).logsumexp(0)
