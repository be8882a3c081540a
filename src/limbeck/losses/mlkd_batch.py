"""How alike the predictions of a batch are to one another (Jin et al. 2023)."""

from typing import Annotated

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._batch import product, rows_of
from limbeck.losses._checks import check_every_positive, check_logits, check_mask
from limbeck.losses._mask import counted_values
from limbeck.losses.term import term

CARD = Card(
    name="mlkd_batch",
    kind="loss",
    family="correlations",
    scope="batch",
    needs=("teacher",),
    also=("mlkd", "mlld"),
    summary="squared distance of the matrices of all products of two predictions of the batch",
    paper="Jin, Wang & Lin, Multi-Level Logit Distillation, CVPR 2023, pages 24276-24285, batch-level alignment",
    citation="""@inproceedings{jin2023multi,
  title = {Multi-Level Logit Distillation},
  author = {Jin, Ying and Wang, Jiaqi and Lin, Dahua},
  booktitle = {Computer Vision and Pattern Recognition},
  pages = {24276--24285},
  year = {2023}
}""",
    equation="1/B * sum_T |P_T P_T' - P_S P_S'|^2, P_X (B x classes) = softmax(z_X / T), over the temperatures",
    code="github.com/Jin-Ying/Multi-Level-Logit-Distillation 6327e73, mdistiller/distillers/KD_ours.py, bc_loss; "
    "defaults: mdistiller/engine/cfg.py",
    units="squared probabilities",
    defaults={
        "temperatures": "2, 3, 4, 5 and 6 (official code)",
        "weight": "0.9 beside mlkd_instance and mlkd_class at 0.9 and cross_entropy at 0.1 (official configuration)",
    },
    use_when="beside mlkd_instance: which examples of a batch the teacher answers alike",
    beware="the method is this with mlkd_instance and mlkd_class together; the value grows with the batch, and memory "
    "with its square: of tokens keep few a batch",
    differs="it is one loss in the paper; see mlkd_instance for why its levels are three. The official code's "
    "confidence threshold and second view are left out. A row's value is its own part of the sum over pairs.",
)


def mlkd_batch(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    *,
    temperatures: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (2.0, 3.0, 4.0, 5.0, 6.0),
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """Squared distance of a prediction's products with all of the batch, in squared probabilities, per prediction.

        sum_T sum_j (p_T(i) . p_T(j) - p_S(i) . p_S(j))^2,   p_X(i) = softmax(z_X(i) / T)

    Its mean over the predictions i is the paper's value. No gradient reaches the teacher.

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        teacher: (*batch, classes) logits z_T; -inf rules a class out.
        temperatures: each > 0, one or more.
        mask: (*batch) bool, True where a prediction counts and is seen; None means all do.

    Returns:
        (*batch) values >= 0, 0 where the products agree and where masked.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ, fewer than 2 classes, or there is no temperature or one that is not finite and
            greater than 0.

    Source:
        Jin, Wang & Lin 2023, batch-level alignment. Official code: github.com/Jin-Ying/Multi-Level-Logit-Distillation.

    Example:
        >>> import torch
        >>> teacher, student = torch.tensor([[9.0, -9.0], [-9.0, 9.0]]), torch.zeros(2, 2)
        >>> mlkd_batch(student, teacher, temperatures=(1.0,))
        tensor([0.5000, 0.5000])
    """
    check_logits(student=student, teacher=teacher)
    check_mask(mask, student)
    check_every_positive(temperatures=temperatures)
    values = torch.stack([_of_pairs(student, teacher.detach(), each, mask) for each in temperatures]).sum(dim=0)
    return counted_values(values.reshape(student.shape[:-1]), mask)


def _of_pairs(student: Tensor, teacher: Tensor, temperature: float, mask: Tensor | None) -> Tensor:
    """Return each row's sum, (rows,). The difference of the products is made of that of the probabilities."""
    own, other = (rows_of(each, temperature, mask) for each in (student, teacher))
    apart = own - other
    return (product(apart, own.T) + product(other, apart.T)).square().sum(dim=1)


MLKDBatch = term(mlkd_batch, card=CARD)
