"""Correlation of the student's and the teacher's probabilities over the classes (Huang et al. 2022)."""

from typing import Annotated

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_logits, check_mask, check_positive
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses._units import unit, unlike
from limbeck.losses.term import term
from limbeck.runtime.decisions import ABSENT

CARD = Card(
    name="dist_inter",
    kind="loss",
    family="correlations",
    scope="prediction",
    needs=("teacher",),
    also=("dist",),
    summary="how far the student's probabilities of a prediction's classes are from correlating with the teacher's",
    paper="Huang, You, Wang, Qian & Xu, Knowledge Distillation from A Stronger Teacher, NeurIPS 2022, "
    "arXiv:2205.10536, the inter-class relation",
    citation="""@inproceedings{huang2022knowledge,
  title = {Knowledge Distillation from A Stronger Teacher},
  author = {Huang, Tao and You, Shan and Wang, Fei and Qian, Chen and Xu, Chang},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {35},
  year = {2022}
}""",
    equation="T^2 * (1 - r), r = Pearson's correlation over the classes of p_S and p_T, p_X = softmax(z_X / T)",
    code="github.com/hunto/image_classification_sota 2bc4832, lib/models/losses/dist_kd.py, inter_class_relation; of "
    "segmentation: github.com/hunto/DIST_KD 6d93ca0, segmentation/losses/dist_kd.py; with T: github.com/zkxufo/TTM "
    "2de9060, distiller_zoo/dist.py",
    units="1 - correlation, times T^2",
    defaults={
        "temperature": "1 (default of the code)",
        "weight": "1 beside dist_intra at 1 and cross_entropy at 1 (default of the code)",
    },
    use_when="the teacher is much stronger or surer than the student can be: the student has to rank and space the "
    "classes as the teacher does, and not to be as sure",
    beware="DIST is this and dist_intra together; the value does not say how sure to be, so a term of labels has to; "
    "gradient 0 with two classes, as it says only which of them is the likelier: the student learns nothing from it, "
    "and neither does a column of two classes beside longer ones",
    differs="DIST is one loss in the paper. Here its parts are two: this one is of each prediction alone, so it does "
    "not depend on batches, ranks and chunks, and dist_intra, which compares rows, does; weights and logs are "
    "apart too. The code adds 1e-8 to the product of the lengths; here a row whose probabilities are within about 1e-4 "
    "of one another counts less the nearer they are. It averages over the batch; this does not.",
)

_LEAST = 1e-4
"""In shares of the row's largest probability: the gradient of a row of equal ones would be infinite."""


def dist_inter(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    *,
    temperature: Annotated[float, Field(gt=0)] = 1.0,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """T^2 times 1 less the correlation of student and teacher over the classes at temperature T, per prediction.

        T^2 * (1 - r(p_S, p_T)),   r Pearson's correlation,   p_X = softmax(z_X / T)

    Computed as half the squared distance of two unit vectors, so nothing cancels. No gradient reaches the teacher, and
    with two classes none the student: two numbers correlate to 1 or to -1.

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least. A class of -1e30 or below is none.
        teacher: (*batch, classes) logits z_T; -inf rules a class out.
        temperature: T > 0.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values in [0, 2 * T^2], 0 where one is a rising line of the other and where masked. With equal
        probabilities on one side it is T^2 / 2, on both sides 0.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ, fewer than 2 classes, or the temperature is not finite and greater than 0.

    Source:
        Huang et al. 2022, arXiv:2205.10536. Official code: github.com/hunto/image_classification_sota.

    Example:
        >>> import torch
        >>> teacher, student = torch.tensor([[2.0, 0.0, -2.0]]), torch.tensor([[0.0, 1.0, 0.0]])
        >>> dist_inter(student, teacher)
        tensor([1.4025])
    """
    check_logits(student=student, teacher=teacher)
    check_mask(mask, student)
    check_positive(temperature=temperature)
    z_S, z_T = counted_logits(student, mask), counted_logits(teacher.detach(), mask)
    there = z_S.detach() > ABSENT
    own, other = (unit(_spread(each, there, temperature), -1, _LEAST) for each in (z_S, z_T))
    return counted_values(temperature**2 * unlike(own, other, -1), mask)


def _spread(z: Tensor, there: Tensor, temperature: float) -> Tensor:
    """Return the probabilities in shares of the largest one, less their mean: also where all are nearly equal."""
    shares = ((z - z.amax(dim=-1, keepdim=True)) / temperature).expm1()
    mean = torch.where(there, shares, 0).sum(dim=-1, keepdim=True) / there.sum(dim=-1, keepdim=True)
    return torch.where(there, shares - mean, 0)


DistInter = term(dist_inter, card=CARD, fewest_classes=3)
