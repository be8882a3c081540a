"""Which classes a batch's predictions share (Jin et al. 2023)."""

from typing import Annotated

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._batch import product, rows_of, to_each
from limbeck.losses._checks import check_every_positive, check_logits, check_mask
from limbeck.losses._mask import counted_values
from limbeck.losses.term import term

CARD = Card(
    name="mlkd_class",
    kind="loss",
    family="correlations",
    scope="batch",
    needs=("teacher",),
    also=("mlkd", "mlld"),
    summary="squared distance of the matrices of all products of two classes over the batch",
    paper="Jin, Wang & Lin, Multi-Level Logit Distillation, CVPR 2023, pages 24276-24285, class-level alignment",
    citation="""@inproceedings{jin2023multi,
  title = {Multi-Level Logit Distillation},
  author = {Jin, Ying and Wang, Jiaqi and Lin, Dahua},
  booktitle = {Computer Vision and Pattern Recognition},
  pages = {24276--24285},
  year = {2023}
}""",
    equation="1/classes * sum_T |P_T' P_T - P_S' P_S|^2, P_X (B x classes) = softmax(z_X / T), over the temperatures",
    code="github.com/Jin-Ying/Multi-Level-Logit-Distillation 6327e73, mdistiller/distillers/KD_ours.py, cc_loss; "
    "defaults: mdistiller/engine/cfg.py",
    units="squared probabilities",
    defaults={
        "temperatures": "2, 3, 4, 5 and 6 (official code)",
        "weight": "0.9 beside mlkd_instance and mlkd_batch at 0.9 and cross_entropy at 0.1 (official configuration)",
    },
    use_when="beside mlkd_instance: which classes the teacher takes for one another",
    beware="the method is this with mlkd_instance and mlkd_batch together; the value grows with the square of the "
    "batch, and memory with that of the number of classes: not for vocabularies",
    differs="it is one loss in the paper; see mlkd_instance for why its levels are three. The official code's "
    "confidence threshold and second view are left out.",
)


def mlkd_class(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    *,
    temperatures: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (2.0, 3.0, 4.0, 5.0, 6.0),
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """Squared distance of the products of two classes over the batch, in squared probabilities, per prediction.

        1/classes * sum_T sum_cd (sum_i p_T(i, c) * p_T(i, d) - p_S(i, c) * p_S(i, d))^2,   p_X = softmax(z_X / T)

    Every prediction has the batch's value, so that their mean is that value. No gradient reaches the teacher.

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        teacher: (*batch, classes) logits z_T; -inf rules a class out.
        temperatures: each > 0, one or more.
        mask: (*batch) bool, True where a prediction counts and is seen; None means all do.

    Returns:
        (*batch) equal values >= 0, 0 where the products agree and where masked.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ, fewer than 2 classes, or there is no temperature or one that is not finite and
            greater than 0.

    Source:
        Jin, Wang & Lin 2023, class-level alignment. Official code: github.com/Jin-Ying/Multi-Level-Logit-Distillation.

    Example:
        >>> import torch
        >>> teacher, student = torch.tensor([[9.0, -9.0], [-9.0, 9.0]]), torch.zeros(2, 2)
        >>> mlkd_class(student, teacher, temperatures=(1.0,))
        tensor([0.5000, 0.5000])
    """
    check_logits(student=student, teacher=teacher)
    check_mask(mask, student)
    check_every_positive(temperatures=temperatures)
    values = torch.stack([_of_classes(student, teacher.detach(), each, mask) for each in temperatures])
    return counted_values(to_each(values.sum(), student), mask)


def _of_classes(student: Tensor, teacher: Tensor, temperature: float, mask: Tensor | None) -> Tensor:
    """Return the value at a temperature. The difference of the products is made of that of the probabilities."""
    own, other = (rows_of(each, temperature, mask) for each in (student, teacher))
    apart = own - other
    return (product(apart.T, own) + product(other.T, apart)).square().sum() / own.shape[-1]


MLKDClass = term(mlkd_class, card=CARD)
