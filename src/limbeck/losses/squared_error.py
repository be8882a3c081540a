"""The true values' term."""

from jaxtyping import Bool, Float
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_mask, check_outputs, check_values
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses.term import term

CARD = Card(
    name="squared_error",
    kind="loss",
    family="labels",
    scope="prediction",
    needs=("labels",),
    fits=("values",),
    convex=True,
    summary="half the squared distance between the predicted and the true values",
    paper="Bishop, Pattern Recognition and Machine Learning, 2006, section 1.1, equation 1.2",
    citation="""@book{bishop2006pattern,
  title = {Pattern Recognition and Machine Learning},
  author = {Bishop, Christopher M.},
  publisher = {Springer},
  year = {2006}
}""",
    equation="1/2 * sum_j (z_S(j) - y(j))^2",
    code="torch.nn.functional.mse_loss with reduction='none', halved and summed over the values",
    units="squared values; in a run, squared standard deviations of the training labels",
    defaults={"weight": "1, as the only term (equation 1.2)"},
    use_when="labels are numbers with errors of about one size; alone it trains the baseline of a regression",
    beware="one wrong label far from the others outweighs many: `huber` bounds what it can do",
    differs="no averaging: the mean over the rows is the trainer's; a mean over k values a row would be 2 / k of this.",
)


def squared_error(
    student: Float[Tensor, "*batch values"],
    labels: Float[Tensor, "*batch values"],
    *,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """Half the squared Euclidean distance between predicted and true values, in squared values, per prediction.

        1/2 * sum_j (z_S(j) - y(j))^2

    Args:
        student: (*batch, values) predicted z_S; computed in float32 at least.
        labels: (*batch, values) true y, finite; anything where masked.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0 (squared values), 0 where they are equal and where masked.

    Raises:
        TypeError: values or labels are not floating point, or the mask is not bool.
        ValueError: shapes differ, there is no value, or a label that counts is not finite.

    Source:
        Bishop 2006, equation 1.2, before the sum over the rows.

    Example:
        >>> import torch
        >>> squared_error(torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
        tensor([2.0000, 0.5000])
    """
    check_outputs(student=student)
    check_mask(mask, student)
    check_values(labels, student, mask)
    z_S, y = counted_logits(student, mask), counted_logits(labels, mask)
    return counted_values((z_S - y).square().sum(dim=-1) / 2, mask)


SquaredError = term(squared_error, card=CARD)
