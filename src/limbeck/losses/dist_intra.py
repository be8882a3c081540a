"""Correlation of the student's and the teacher's probabilities of a class over the batch (Huang et al. 2022)."""

from typing import Annotated

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor
from torch.linalg import vector_norm

from limbeck.cards import Card
from limbeck.losses._checks import check_logits, check_positive
from limbeck.losses._relations import counted_rows
from limbeck.losses._units import softened, unit, unlike
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
    code="github.com/hunto/image_classification_sota 2bc4832, lib/models/losses/dist_kd.py, intra_class_relation; of "
    "segmentation: github.com/hunto/DIST_KD 6d93ca0, segmentation/losses/dist_kd.py; with T: github.com/zkxufo/TTM "
    "2de9060, distiller_zoo/dist.py",
    units="1 - correlation, times T^2",
    defaults={
        "temperature": "1 (default of the code)",
        "weight": "1 beside dist_inter at 1 and cross_entropy at 1 (default of the code)",
    },
    use_when="beside dist_inter: which examples of a batch the teacher finds likelier to be of a class",
    beware="DIST is this and dist_inter together. It sees one prediction an example, and of these "
    "it sees the rows of one micro-batch, and of one process: with few rows the correlation says little, with one "
    "nothing, and of a rare class it is noise, so take batches of several rows a class",
    differs="DIST is one loss in the paper; see dist_inter for why its parts are two. The code adds 1e-8 to the "
    "product of the lengths, and for segmentation takes the pixels of an image for rows. Here a class whose "
    "probabilities over the batch are within about a millionth of one another counts less the nearer they are, as "
    "float32 knows no more of it.",
)

_LEAST = 1e-6
"""In shares of a class's own length: below it float32 has rounding, and the gradient would be infinite."""


def dist_intra(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    *,
    temperature: Annotated[float, Field(gt=0)] = 1.0,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> tuple[Float[Tensor, ""], int]:
    """T^2 times 1 less a class's correlation, a mean over classes, over the rows of a batch: (sum, rows).

        T^2 / classes * sum_c (1 - r_c),   r_c Pearson's correlation over the rows of p_S(c) and p_T(c)

    p_X is softmax(z_X / T). No gradient reaches the teacher.

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        teacher: (*batch, classes) logits z_T; -inf rules a class out.
        temperature: T > 0.
        mask: (*batch) bool, True where a row counts and is seen; None means all do.

    Returns:
        The equation's value, times the rows that count: a scalar >= 0, 0 where each class is a rising line of the other
        side's; and the number of rows that count. A class that is equal over the rows has 1 - r_c = 1/2, on both sides
        0.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ, fewer than 2 classes, or the temperature is not finite and greater than 0.

    Source:
        Huang et al. 2022, arXiv:2205.10536. Official code: github.com/hunto/image_classification_sota.

    Example:
        >>> import torch
        >>> teacher, student = torch.tensor([[2.0, 0.0], [0.0, 0.0], [0.0, 1.0]]), torch.eye(3, 2)
        >>> dist_intra(student, teacher)
        (tensor(1.1513), 3)
    """
    check_logits(student=student, teacher=teacher)
    check_positive(temperature=temperature)
    z_S, z_T = counted_rows(student, teacher, mask)
    own, other = (_directions(softened(each, temperature)) for each in (z_S, z_T))
    return temperature**2 * unlike(own, other, 0).mean() * len(z_S), len(z_S)


def _directions(p: Tensor) -> Tensor:
    """Return each class's probabilities over the rows, less their mean, at unit length."""
    if len(p):  # squares of small probabilities would be 0
        p = p / p.detach().amax(dim=0, keepdim=True).clamp(min=torch.finfo(p.dtype).tiny)
    beside = p - p[:1].detach()  # exactly 0 where all are equal, as their mean may not be
    return unit(beside - beside.sum(dim=0) / max(1, len(p)), 0, _LEAST * vector_norm(p.detach(), dim=0, keepdim=True))


DistIntra = term(dist_intra, card=CARD)
