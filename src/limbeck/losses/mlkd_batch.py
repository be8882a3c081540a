"""How alike the predictions of a batch are to one another (Jin et al. 2023)."""

from typing import Annotated

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_every_positive, check_logits
from limbeck.losses._relations import counted_rows, products_apart
from limbeck.losses._units import softened
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
    beware="the method is this with mlkd_instance and mlkd_class together. It sees one prediction an example, and of "
    "these it sees the rows of one micro-batch, and of one process: the value grows with their number, and memory with "
    "its square",
    differs="it is one loss in the paper; see mlkd_instance for why its levels are three. The official code's "
    "confidence threshold and second view are left out.",
)


def mlkd_batch(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    *,
    temperatures: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (2.0, 3.0, 4.0, 5.0, 6.0),
    mask: Bool[Tensor, "*batch"] | None = None,
) -> tuple[Float[Tensor, ""], int]:
    """Squared distance of products of two predictions, squared probabilities, over the rows of a batch: (sum, rows).

        1/rows * sum_T sum_ij (p_T(i) . p_T(j) - p_S(i) . p_S(j))^2,   p_X(i) = softmax(z_X(i) / T)

    No gradient reaches the teacher.

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        teacher: (*batch, classes) logits z_T; -inf rules a class out.
        temperatures: each > 0, one or more.
        mask: (*batch) bool, True where a row counts and is seen; None means all do.

    Returns:
        The equation's value, times the rows that count: a scalar >= 0, 0 where the products agree; and the number of
        rows that count.

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
        (tensor(1.0000), 2)
    """
    check_logits(student=student, teacher=teacher)
    check_every_positive(temperatures=temperatures)
    z_S, z_T = counted_rows(student, teacher, mask)
    values = [products_apart(softened(z_S, T), softened(z_T, T)) for T in temperatures]
    return torch.stack(values).sum(), len(z_S)


MLKDBatch = term(mlkd_batch, card=CARD)
