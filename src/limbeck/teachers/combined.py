"""Teachers made of teachers: one with a temperature of its own, and several as one."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from limbeck.digest import digest
from limbeck.evaluation import Pool
from limbeck.teachers.base import Teacher
from limbeck.types import Batch, Outputs, Predicts


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
    """Several teachers as one: their answers, mixed as the task says; see `mix`.

    Source: Hinton, Vinyals and Dean 2015 (arXiv 1503.02531), section 1: an ensemble's averaged predictions as targets,
    by arithmetic or geometric mean.

    Args:
        teachers: of the same outputs; their activations are not passed on.
        weights: one each, not negative and not all 0; of a mean their sum is 1.
        pool: how they are pooled.
        predicts: what the outputs are.
        by_confidence: whether a member's weight is also by how sure it is of each prediction.

    Raises:
        ValueError: the weights are none such.
    """

    def __init__(
        self,
        teachers: Sequence[Teacher],
        weights: Sequence[float],
        pool: Pool = "mean",
        *,
        predicts: Predicts = "distribution",
        by_confidence: bool = False,
    ) -> None:
        total = sum(weights)
        if len(weights) != len(teachers) or min(weights, default=-1) < 0 or not total:
            raise ValueError(f"{len(teachers)} teachers need as many weights, not {list(weights)}")
        if pool == "mean" and abs(total - 1) > 1e-6:
            raise ValueError(f"the weights of a mean have the sum 1, not {total:g}")
        self._teachers, self._weights, self._pool = tuple(teachers), tuple(weights), pool
        self._predicts: Predicts = predicts
        self._by_confidence = by_confidence
        named: list[object] = [[teacher.digest for teacher in teachers], list(weights)]
        self.digest = digest([*named, *how_mixed(pool, predicts, by_confidence=by_confidence)])

    def predict(self, batch: Batch) -> Outputs:
        """Return logits (batch, outputs): normalised log-probabilities of a distribution; of values their mean."""
        parts = [teacher.predict(batch).dense for teacher in self._teachers]
        return Outputs(
            mix(parts, self._weights, self._pool, predicts=self._predicts, by_confidence=self._by_confidence)
        )


def how_mixed(pool: Pool, predicts: Predicts, *, by_confidence: bool) -> list[str]:
    """Return what names a mixture besides members and weights; nothing of a mean of distributions."""
    return [*[pool] * (pool != "mean"), *[predicts] * (predicts != "distribution"), *["confidence"] * by_confidence]


def mix(
    outputs: Sequence[Tensor],
    weights: Sequence[float],
    pool: Pool = "mean",
    *,
    predicts: Predicts = "distribution",
    by_confidence: bool = False,
) -> Tensor:
    """Return what several models' outputs are together, in the shape (..., outputs) of each.

    mean     the weighted mean of the probabilities, or of the values
    product  the product of the probabilities, each to the power of its weight, normalised

    The logits are the logs of the pooled probabilities; of independent outputs, each of which is a distribution over
    yes and no, their log-odds.

    Args:
        outputs: of each model: logits, or values.
        weights: one each, not negative and not all 0; of a mean their sum is 1.
        pool: how they are pooled. Values have a mean only.
        predicts: what the outputs are.
        by_confidence: multiply each weight by exp(-H), H the entropy in nats of the model's own distribution for that
            prediction, and divide by their sum: a model that is sure counts up to `classes` times as much as one that
            says that all are alike. Source: Kwon, Na, Lee and Kim 2020, "Adaptive Knowledge Distillation Based on
            Entropy" (ICASSP): labels of lower entropy at a larger rate, example by example. That exp(-H) is the rate is
            ours: it is 1 over the number of classes between which the model is undecided.

    Raises:
        ValueError: values are to be multiplied, or weighed by a confidence that they do not have.
    """
    counting = [(each, weight) for each, weight in zip(outputs, weights, strict=True) if weight]
    if predicts == "values":
        if pool != "mean" or by_confidence:
            raise ValueError("values have no probabilities to multiply or to be sure of")
        return torch.stack([weight * each for each, weight in counting]).sum(0)
    if predicts == "independent":
        pairs = [(torch.stack([torch.zeros_like(each), each], -1), weight) for each, weight in counting]
        no, yes = _pooled(pairs, pool, by_confidence=by_confidence).unbind(-1)
        return yes - no
    return _pooled(counting, pool, by_confidence=by_confidence)


def _pooled(counting: Sequence[tuple[Tensor, float]], pool: Pool, *, by_confidence: bool) -> Tensor:
    """Return the log of pooled probabilities, over the last axis, of logits with their weights, which are above 0."""
    logs = torch.stack([each.log_softmax(-1) for each, _ in counting])
    shares = torch.stack([torch.full_like(each[..., :1], math.log(weight)) for each, weight in counting])
    if by_confidence:
        entropies = -(logs.exp() * logs).nan_to_num(0.0).sum(-1, keepdim=True)
        shares = (shares - entropies).log_softmax(0)
    if pool == "product":
        return (shares.exp() * logs).sum(0).log_softmax(-1)
    return (logs + shares).logsumexp(0)
