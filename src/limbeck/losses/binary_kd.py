"""Soft targets at a temperature, where each output is a yes or no of its own."""

from typing import Annotated

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_mask, check_outputs, check_positive
from limbeck.losses._divergence import softened_kl
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses.term import term

CARD = Card(
    name="binary_kd",
    kind="loss",
    family="soft targets",
    scope="prediction",
    needs=("teacher",),
    fits=("independent",),
    convex=True,
    summary="divergence of the student's softened probabilities from the teacher's, output by output",
    paper="Yang, Xie, Zong, Feng, Niu, Sugiyama & Huang, Multi-Label Knowledge Distillation, ICCV 2023, "
    "arXiv:2308.06453, the multi-label logits distillation; the temperature is of Hinton, Vinyals & Dean 2015, "
    "arXiv:1503.02531, section 2",
    citation="""@inproceedings{yang2023multi,
  title = {Multi-Label Knowledge Distillation},
  author = {Yang, Penghui and Xie, Ming-Kun and Zong, Chen-Chen and Feng, Lei and Niu, Gang and Sugiyama, Masashi
            and Huang, Sheng-Jun},
  booktitle = {International Conference on Computer Vision},
  year = {2023}
}""",
    equation="T^2 * sum_c KL(Bernoulli(sigmoid(z_T(c) / T)) || Bernoulli(sigmoid(z_S(c) / T)))",
    code="github.com/penghui-yang/L2D e3c438a, criterion/distiller_zoo/logits_based/mld.py; weight: 4d87eaa, "
    "configs/coco/resnet101_to_resnet34_l2d.py",
    units="nats, times T^2",
    defaults={
        "temperature": "none is in the paper, which is 1",
        "weight": "10 beside the labels' term at 1 (lambda_logits in the official configuration)",
    },
    use_when="a row may have several labels: softmax and `kd` would let the classes compete; start here",
    beware="the value already holds T^2: do not multiply again; it is a sum over the classes, so its weight beside "
    "another term depends on how many there are",
    differs="the paper sums over the classes too, and adds an embedding loss, which this leaves out; it has no T. The "
    "code clamps probabilities to [1e-8, 1 - 1e-8], beyond which no gradient is left. In float32 1 - 1e-8 is 1, and a "
    "student's logit of 17 can cost infinitely. It averages over the batch; this does not.",
)


def binary_kd(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    *,
    temperature: Annotated[float, Field(gt=0)] = 1.0,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """T^2 times the divergence of the student's probabilities from the teacher's, in nats, per prediction.

        T^2 * sum_c KL(Bernoulli(sigmoid(z_T(c) / T)) || Bernoulli(sigmoid(z_S(c) / T)))

    T^2 keeps the size of the gradient about constant over T. No gradient reaches the teacher. As sigmoid(z) is the
    softmax of (z, 0), each class is a `kd` of two classes, and loses no digits where the two are nearly equal.

    Args:
        student: (*batch, classes) logits z_S, one class or more; computed in float32 at least.
        teacher: (*batch, classes) finite logits z_T.
        temperature: T > 0.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0 (nats times T^2), 0 where the probabilities agree and where masked.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ, there is no class, or the temperature is not finite and greater than 0.

    Source:
        Yang et al. 2023, arXiv:2308.06453, the multi-label logits distillation, at a temperature as in Hinton et al.
        2015. Official code: github.com/penghui-yang/L2D.

    Example:
        >>> import torch
        >>> teacher, student = torch.tensor([[2.0, -2.0]]), torch.tensor([[0.0, -2.0]])
        >>> binary_kd(student, teacher)
        tensor([0.3278])
    """
    check_outputs(student=student, teacher=teacher)
    check_mask(mask, student)
    check_positive(temperature=temperature)
    z_S, z_T = (_beside_zero(counted_logits(each, mask)) for each in (student, teacher.detach()))
    return counted_values(temperature**2 * softened_kl(z_S, z_T, temperature).sum(dim=-1), mask)


def _beside_zero(logits: Tensor) -> Tensor:
    """Return the two logits of each yes or no, (*batch, classes, 2)."""
    return torch.stack([logits, torch.zeros_like(logits)], dim=-1)


BinaryKD = term(binary_kd, card=CARD)
