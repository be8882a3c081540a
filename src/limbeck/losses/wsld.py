"""Soft targets, weighed by how much the student has still to learn (Zhou et al. 2021)."""

from typing import Annotated

from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor
from torch.nn.functional import log_softmax

from limbeck.cards import Card
from limbeck.losses._checks import check_labels, check_logits, check_mask, check_positive
from limbeck.losses._divergence import softened_kl
from limbeck.losses._mask import counted_labels, counted_logits, counted_values
from limbeck.losses.term import term

CARD = Card(
    name="wsld",
    kind="loss",
    family="soft targets",
    scope="prediction",
    needs=("teacher", "labels"),
    also=("weighted_soft_labels",),
    summary="kd whose weight falls to 0 where the student's cross-entropy is already far below the teacher's",
    paper="Zhou, Song, Chen, Zhou, Wang, Yuan & Zhang, Rethinking Soft Labels for Knowledge Distillation: A "
    "Bias-Variance Tradeoff Perspective, ICLR 2021, arXiv:2102.00650, the weighted soft labels",
    citation="""@inproceedings{zhou2021rethinking,
  title = {Rethinking Soft Labels for Knowledge Distillation: A Bias-Variance Tradeoff Perspective},
  author = {Zhou, Helong and Song, Liangchen and Chen, Jiajie and Zhou, Ye and Wang, Guoli and Yuan, Junsong
            and Zhang, Qian},
  booktitle = {International Conference on Learning Representations},
  year = {2021}
}""",
    equation="w * T^2 * KL(p_T || p_S), p_X = softmax(z_X / T); w = 1 - exp(-CE_S / (CE_T + 1e-7)), "
    "CE_X = -log softmax(z_X)(y), held constant",
    code="github.com/bellymonster/Weighted-Soft-Label-Distillation 4ecf930, knowledge_distiller.py",
    units="nats, times T^2",
    defaults={
        "temperature": "2 (official code)",
        "weight": "2.5 beside cross_entropy at 1 (official code)",
    },
    use_when="the transfer set has labels and the teacher is wrong or unsure on some of them: there soft targets are "
    "taken less seriously",
    beware="where the teacher is certain of the label (CE_T near 0) the weight is near 1 whatever the student says; "
    "unlabelled rows do not count: put kd beside it for those",
    differs="paper and code weigh a cross-entropy with soft targets; this subtracts the teacher's entropy, which "
    "leaves the gradient as it is, because no gradient passes through the weight, and makes 0 the minimum. They "
    "average over the batch; this does not.",
)


def wsld(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    labels: Int[Tensor, "*batch"],
    *,
    temperature: Annotated[float, Field(gt=0)] = 2.0,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """T^2 times the divergence of student from teacher, less where the student is good, in nats, per prediction.

        w * T^2 * KL(p_T || p_S),   w = 1 - exp(-CE_S / (CE_T + 1e-7)),   CE_X = -log softmax(z_X)(y)

    No gradient passes through w, and none reaches the teacher.

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        teacher: (*batch, classes) logits z_T; -inf rules a class out.
        labels: (*batch) integers y in [0, classes); any value where masked.
        temperature: T > 0, of p_X = softmax(z_X / T).
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0 (nats times T^2), 0 where the distributions agree and where masked.

    Raises:
        TypeError: logits are not floating point, labels are not integers, or the mask is not bool.
        ValueError: shapes differ, fewer than 2 classes, a label that counts is outside [0, classes), or the temperature
            is not finite and greater than 0.

    Source:
        Zhou et al. 2021, arXiv:2102.00650. Official code: github.com/bellymonster/Weighted-Soft-Label-Distillation.

    Example:
        >>> import torch
        >>> teacher, student = torch.tensor([[2.0, 0.0, -2.0]]), torch.tensor([[0.0, 0.0, 0.0]])
        >>> wsld(student, teacher, torch.tensor([0]))
        tensor([1.0644])
    """
    check_logits(student=student, teacher=teacher)
    check_mask(mask, student)
    check_labels(labels, student, mask)
    check_positive(temperature=temperature)
    z_S, z_T, y = counted_logits(student, mask), counted_logits(teacher.detach(), mask), counted_labels(labels, mask)
    ce_S, ce_T = (-log_softmax(each, dim=-1).gather(-1, y).squeeze(-1) for each in (z_S.detach(), z_T))
    weight = -(-ce_S / (ce_T + 1e-7)).expm1()
    return counted_values(weight * temperature**2 * softened_kl(z_S, z_T, temperature), mask)


WSLD = term(wsld, card=CARD)
