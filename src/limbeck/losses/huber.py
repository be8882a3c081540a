"""The true values' term, where some labels are far off (Huber 1964)."""

from typing import Annotated

from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor
from torch.nn.functional import huber_loss

from limbeck.cards import Card
from limbeck.losses._checks import check_mask, check_outputs, check_positive, check_values
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses.term import term

CARD = Card(
    name="huber",
    kind="loss",
    family="labels",
    scope="prediction",
    needs=("labels",),
    fits=("values",),
    convex=True,
    summary="distance between the predicted and the true values: squared near 0, straight beyond delta",
    paper="Huber, Robust Estimation of a Location Parameter, The Annals of Mathematical Statistics 35(1), 1964, "
    "pages 73-101",
    citation="""@article{huber1964robust,
  title = {Robust Estimation of a Location Parameter},
  author = {Huber, Peter J.},
  journal = {The Annals of Mathematical Statistics},
  volume = {35},
  number = {1},
  pages = {73--101},
  year = {1964}
}""",
    equation="sum_j h(z_S(j) - y(j)), h(e) = e^2 / 2 where |e| <= delta, delta * (|e| - delta / 2) beyond",
    code="torch.nn.functional.huber_loss with reduction='none', summed over the values",
    units="squared values; in a run, squared standard deviations of the training labels",
    defaults={"delta": "1.345 standard deviations of the errors keep 95 % of the efficiency of least squares"},
    use_when="some labels are wrong, or a few are far from all the others",
    beware="delta is in standard deviations of the training labels in a run: errors are smaller than that, so that a "
    "delta of 1 is nearly the squared error",
    differs="the paper estimates one number and fits delta to the errors; here delta is given.",
)


def huber(
    student: Float[Tensor, "*batch values"],
    labels: Float[Tensor, "*batch values"],
    *,
    delta: Annotated[float, Field(gt=0)] = 1.0,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """Huber's distance between predicted and true values, in squared values, per prediction.

        sum_j h(z_S(j) - y(j)),   h(e) = e^2 / 2 where |e| <= delta,   delta * (|e| - delta / 2) beyond

    Args:
        student: (*batch, values) predicted z_S; computed in float32 at least.
        labels: (*batch, values) true y, finite; anything where masked.
        delta: > 0, the error from which on its gradient grows no further.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0 (squared values), 0 where they are equal and where masked.

    Raises:
        TypeError: values or labels are not floating point, or the mask is not bool.
        ValueError: shapes differ, there is no value, a label that counts is not finite, or delta is not finite and
            greater than 0.

    Source:
        Huber 1964, section 1, with `delta` for his k; `torch.nn.functional.huber_loss` with no reduction.

    Example:
        >>> import torch
        >>> huber(torch.tensor([[0.5], [3.0]]), torch.tensor([[0.0], [0.0]]), delta=1.0)
        tensor([0.1250, 2.5000])
    """
    check_outputs(student=student)
    check_mask(mask, student)
    check_values(labels, student, mask)
    check_positive(delta=delta)
    z_S, y = counted_logits(student, mask), counted_logits(labels, mask)
    return counted_values(huber_loss(z_S, y.to(z_S.dtype), reduction="none", delta=delta).sum(dim=-1), mask)


Huber = term(huber, card=CARD)
