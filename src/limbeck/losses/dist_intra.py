"""Correlation of the student's and the teacher's probabilities of a class over the batch (Huang et al. 2022)."""

from typing import Annotated

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._batch import rows_of, to_each, unlike
from limbeck.losses._checks import check_logits, check_mask, check_positive
from limbeck.losses._mask import counted_values
from limbeck.losses.term import term

CARD = Card(
    name="dist_intra",
    kind="loss",
    family="correlations",
    scope="batch",
    needs=("teacher",),
    also=("dist",),
    summary="how far the student's probabilities of a class are from correlating with the teacher's over the batch",
    paper="Huang, You, Wang, Qian & Xu, Knowledge Distillation from A Stronger Teacher, NeurIPS 2022, "
    "arXiv:2205.10536, the intra-class relation",
    citation="""@inproceedings{huang2022knowledge,
  title = {Knowledge Distillation from A Stronger Teacher},
  author = {Huang, Tao and You, Shan and Wang, Fei and Qian, Chen and Xu, Chang},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {35},
  year = {2022}
}""",
    equation="T^2 / classes * sum_c (1 - r_c), r_c = Pearson's correlation over the batch of p_S(c) and p_T(c), "
    "p_X = softmax(z_X / T)",
    code="github.com/hunto/DIST_KD 6d93ca0, segmentation/losses/dist_kd.py, class_relation; with T: "
    "github.com/zkxufo/TTM 2de9060, distiller_zoo/dist.py",
    units="1 - correlation, times T^2",
    defaults={
        "temperature": "1 (default of the code)",
        "weight": "1 beside dist_inter at 1 and cross_entropy at 1 (default of the code)",
    },
    use_when="beside dist_inter: which examples of a batch the teacher finds likelier to be of a class",
    beware="DIST is this and dist_inter together; with few rows a batch the correlation says little, with 1 nothing, "
    "and of a rare class it is noise: take batches of several rows a class",
    differs="DIST is one loss in the paper; see dist_inter for why its parts are two. The code adds 1e-8 to the "
    "product of the lengths; here a class whose probabilities over the batch are within about 1e-8 of one another "
    "counts less the nearer they are.",
)

_LEAST = 1e-8
"""A probability: the gradient of a class that is equal over the batch would be infinite."""


def dist_intra(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    *,
    temperature: Annotated[float, Field(gt=0)] = 1.0,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """T^2 times 1 less the correlation of student and teacher over the batch, a mean over classes, per prediction.

        T^2 / classes * sum_c (1 - r_c),   r_c Pearson's correlation over the batch of p_S(c) and p_T(c)

    p_X is softmax(z_X / T). Every prediction has the batch's value, so that their mean is that value. No gradient
    reaches the teacher.

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        teacher: (*batch, classes) logits z_T; -inf rules a class out.
        temperature: T > 0.
        mask: (*batch) bool, True where a prediction counts and is seen; None means all do.

    Returns:
        (*batch) equal values in [0, 2 * T^2], 0 where each class is a rising line of the other side's and where
        masked. A class that is equal over the batch on one side has 1 / 2, on both sides 0.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ, fewer than 2 classes, or the temperature is not finite and greater than 0.

    Source:
        Huang et al. 2022, arXiv:2205.10536. Official code: github.com/hunto/DIST_KD.

    Example:
        >>> import torch
        >>> teacher, student = torch.tensor([[2.0, 0.0], [0.0, 0.0], [0.0, 1.0]]), torch.eye(3, 2)
        >>> dist_intra(student, teacher)
        tensor([0.3838, 0.3838, 0.3838])
    """
    check_logits(student=student, teacher=teacher)
    check_mask(mask, student)
    check_positive(temperature=temperature)
    own, other = (_spread(rows_of(each, temperature, mask), mask) for each in (student, teacher.detach()))
    value = temperature**2 * unlike(own, other, 0, _LEAST).mean()
    return counted_values(to_each(value, student), mask)


def _spread(p: Tensor, mask: Tensor | None) -> Tensor:
    """Return the counted rows' probabilities, less each class's mean over them."""
    if mask is None:
        return p - p.mean(dim=0, keepdim=True) if len(p) else p
    counted = mask.reshape(-1, 1)
    return torch.where(counted, p - p.sum(dim=0, keepdim=True) / counted.sum().clamp(min=1), 0)


DistIntra = term(dist_intra, card=CARD)
