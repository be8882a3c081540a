"""A toy loss: a quarter of the fourth powers of the differences of logits."""

from jaxtyping import Bool, Float
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_mask, check_outputs
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses.term import term

CARD = Card(
    name="quartic",
    kind="loss",
    family="logits",
    scope="prediction",
    needs=("teacher",),
    fits=("distribution", "independent", "values", "vectors"),
    convex=True,
    summary="a quarter of the fourth powers of the differences of logits",
    paper="nobody, 2026, a toy",
    citation="@misc{toy2026, title = {A toy}, year = {2026}}",
    equation="1/4 * sum_c (z_S(c) - z_T(c))^4",
    code="none",
    units="logits to the fourth power",
    defaults={"weight": "1"},
    use_when="a test adds a loss",
    beware="it is a toy",
    differs="from nothing.",
)


def quartic(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    *,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """A quarter of the fourth powers of the differences of logits, in logits to the fourth power, per prediction.

        1/4 * sum_c (z_S(c) - z_T(c))^4

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        teacher: (*batch, classes) finite logits z_T.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0, 0 where the logits are equal and where masked.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ, or there is no output.

    Source:
        Nobody: a toy.

    Example:
        >>> import torch
        >>> quartic(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 0.0]]))
        tensor([4.])
    """
    check_outputs(student=student, teacher=teacher)
    check_mask(mask, student)
    z_S, z_T = counted_logits(student, mask), counted_logits(teacher.detach(), mask)
    return counted_values((z_S - z_T).pow(4).sum(dim=-1) / 4, mask)


Quartic = term(quartic, card=CARD)
