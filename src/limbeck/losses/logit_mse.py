"""Regression on the teacher's logits (Ba & Caruana 2014)."""

from jaxtyping import Bool, Float
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_mask, check_outputs
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses.term import term

CARD = Card(
    name="logit_mse",
    kind="loss",
    family="logits",
    scope="prediction",
    needs=("teacher",),
    fits=("distribution", "independent", "values", "vectors"),
    convex=True,
    summary="half the squared distance between the student's and the teacher's logits",
    paper="Ba & Caruana, Do Deep Nets Really Need to be Deep?, NIPS 2014, arXiv:1312.6184, equation 1",
    citation="""@inproceedings{ba2014deep,
  title = {Do Deep Nets Really Need to be Deep?},
  author = {Ba, Jimmy and Caruana, Rich},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {27},
  year = {2014}
}""",
    equation="1/2 * sum_c (z_S(c) - z_T(c))^2",
    code="none by the authors",
    units="squared logits",
    defaults={"weight": "1, with no other term: the student learns from the teacher's logits only (section 2.2)"},
    use_when="few classes, a teacher so confident that its probabilities are nearly 0 or 1, much unlabelled data",
    beware="the value grows with the number of classes and with the teacher's logit scale, so it needs its own weight "
    "beside a term in nats; part of the student goes into the shift that a softmax ignores; logits of -inf are unfit",
    differs="the paper averages over examples, which the trainer does here; `torch.nn.MSELoss` would also divide by "
    "the number of classes and leave out the half.",
)


def logit_mse(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    *,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """Half the squared Euclidean distance between student and teacher logits, in squared logits, per prediction.

        1/2 * sum_c (z_S(c) - z_T(c))^2

    Summed over the classes, so the gradient is exactly z_S - z_T. No gradient reaches the teacher.

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        teacher: (*batch, classes) finite logits z_T.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0 (squared logits), 0 where the logits are equal and where masked.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ, or there is no output.

    Source:
        Ba & Caruana 2014, arXiv:1312.6184, equation 1: 1/(2T) * sum_t ||g(x_t) - z_t||^2 over T examples. No official
        code. The mean over examples is the trainer's.

    Example:
        >>> import torch
        >>> teacher, student = torch.tensor([[2.0, 0.0, -2.0]]), torch.tensor([[0.0, 0.0, 1.0]])
        >>> logit_mse(student, teacher)
        tensor([6.5000])
    """
    check_outputs(student=student, teacher=teacher)
    check_mask(mask, student)
    z_S, z_T = counted_logits(student, mask), counted_logits(teacher.detach(), mask)
    return counted_values((z_S - z_T).square().sum(dim=-1) / 2, mask)


LogitMSE = term(logit_mse, card=CARD)
