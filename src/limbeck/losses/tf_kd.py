"""A teacher made of the labels: likely right, and the others alike (Yuan et al. 2020)."""

import math
from typing import Annotated

import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_inside, check_labels, check_logits, check_mask, check_positive
from limbeck.losses._divergence import softened_kl
from limbeck.losses._mask import counted_labels, counted_logits, counted_values
from limbeck.losses.term import term
from limbeck.runtime.decisions import ABSENT

CARD = Card(
    name="tf_kd",
    kind="loss",
    family="labels",
    scope="prediction",
    needs=("labels",),
    also=("teacher_free_kd", "virtual_teacher", "tf_reg"),
    convex=True,
    summary="kd with a virtual teacher that gives the label a fixed probability and the others equal ones",
    paper="Yuan, Tay, Li, Wang & Feng, Revisiting Knowledge Distillation via Label Smoothing Regularization, "
    "CVPR 2020, arXiv:1909.11723, section 5, the manually designed teacher",
    citation="""@inproceedings{yuan2020revisiting,
  title = {Revisiting Knowledge Distillation via Label Smoothing Regularization},
  author = {Yuan, Li and Tay, Francis EH and Li, Guilin and Wang, Tao and Feng, Jiashi},
  booktitle = {Computer Vision and Pattern Recognition},
  year = {2020}
}""",
    equation="T^2 * KL(p_T || p_S), p_S = softmax(z_S / T), p_T = softmax(log(u) / T), u(y) = correct, "
    "u(c) = (1 - correct) / (classes - 1) for c != y",
    code="github.com/yuanli2333/Teacher-free-Knowledge-Distillation 880a74e, my_loss_function.py, "
    "loss_kd_regularization; defaults: experiments/base_experiments/base_resnet18/params.json",
    units="nats, times T^2",
    defaults={
        "correct": "0.99 (official code)",
        "temperature": "20 (official configuration)",
        "weight": "0.1 beside cross_entropy at 0.9 (official configuration), of the code's own term: see differs",
    },
    use_when="no teacher is at hand and labels are: a stronger label smoothing, and the control that tells how much of "
    "a gain is smoothing alone",
    beware="it knows nothing that the labels do not say; a recipe's baseline learns from the labels without it",
    differs="the official code does not soften the student, takes the softmax of the probabilities u / T in place of "
    "their logs, has no T^2, averages over batch and classes, and multiplies by 100 in exchange, the classes of "
    "CIFAR-100; this is the paper's kd with the virtual teacher in the teacher's place. So the weight is of another "
    "scale: in the code a logit's gradient is p_S(c) less about 1 / classes; here, at T = 20, it is about the logit's "
    "distance from the virtual teacher's, divided by the classes.",
)


def tf_kd(
    student: Float[Tensor, "*batch classes"],
    labels: Int[Tensor, "*batch"],
    *,
    correct: Annotated[float, Field(gt=0, lt=1)] = 0.99,
    temperature: Annotated[float, Field(gt=0)] = 20.0,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """T^2 times the divergence of student from a virtual teacher at temperature T, in nats, per prediction.

        T^2 * KL(softmax(log(u) / T) || softmax(z_S / T)),   u(y) = correct,   u(c) = (1 - correct) / (classes - 1)

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least. A class of -1e30 or below is none: tasks
            of several columns fill up the shorter ones so.
        labels: (*batch) integers y in [0, classes); any value where masked.
        correct: in (0, 1), the virtual teacher's probability of the label.
        temperature: T > 0.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0 (nats times T^2), 0 where the student says what the virtual teacher does and where masked.

    Raises:
        TypeError: logits are not floating point, labels are not integers, or the mask is not bool.
        ValueError: shapes differ, fewer than 2 classes, a label that counts is outside [0, classes), correct is not in
            (0, 1), or the temperature is not finite and greater than 0.

    Source:
        Yuan et al. 2020, arXiv:1909.11723, section 5. Official code:
        github.com/yuanli2333/Teacher-free-Knowledge-Distillation.

    Example:
        >>> import torch
        >>> student = torch.tensor([[2.0, 0.0, -2.0], [0.0, 0.0, 0.0]])
        >>> tf_kd(student, torch.tensor([0, 0]), temperature=1.0)
        tensor([0.1100, 1.0357])
    """
    check_logits(student=student)
    check_mask(mask, student)
    check_labels(labels, student, mask)
    check_inside(correct=correct)
    check_positive(temperature=temperature)
    z_S, y = counted_logits(student, mask), counted_labels(labels, mask)
    there = z_S.detach() > ABSENT
    share = torch.log((1 - correct) / (there.sum(dim=-1, keepdim=True).to(z_S.dtype) - 1))
    u = torch.where(there, share, -torch.inf).scatter(-1, y, math.log(correct))
    return counted_values(temperature**2 * softened_kl(z_S, u, temperature), mask)


TfKD = term(tf_kd, card=CARD)
