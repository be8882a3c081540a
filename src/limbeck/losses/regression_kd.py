"""The teacher's values as targets."""

from typing import Annotated

from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor
from torch.nn.functional import huber_loss

from limbeck.cards import Card
from limbeck.losses._checks import check_mask, check_outputs, check_positive
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses.term import term

CARD = Card(
    name="regression_kd",
    kind="loss",
    family="teacher's values",
    scope="prediction",
    needs=("teacher",),
    fits=("values",),
    convex=True,
    summary="distance between the student's and the teacher's values, squared or Huber's",
    paper="Saputra, de Gusmao, Almalioglu, Markham & Trigoni, Distilling Knowledge From a Deep Pose Regressor Network, "
    "ICCV 2019, arXiv:1908.00858, the imitation loss",
    citation="""@inproceedings{saputra2019distilling,
  title = {Distilling Knowledge From a Deep Pose Regressor Network},
  author = {Saputra, Muhamad Risqi U. and de Gusmao, Pedro P. B. and Almalioglu, Yasin and Markham, Andrew
            and Trigoni, Niki},
  booktitle = {International Conference on Computer Vision},
  year = {2019}
}""",
    equation="sum_j h(z_S(j) - z_T(j)), h(e) = e^2 / 2; with delta: delta * (|e| - delta / 2) where |e| > delta",
    code="none by the authors",
    units="squared values; in a run, squared standard deviations of the training labels",
    defaults={"weight": "beside the true values' term, a mixture tuned on validation"},
    use_when="teacher and student predict numbers: the teacher values every unlabelled row, with less noise than "
    "labels have; start here",
    beware="a teacher's value holds no more than a label does, but for the noise that is missing: with labels for all "
    "rows the gain is small, and the teacher's errors are learned too (`teacher_bounded` stops where they begin)",
    differs="the paper weighs each row by how near the teacher is to its label, which unlabelled rows do not have; "
    "`delta` is Huber's (1964). Without it this is `logit_mse`.",
)


def regression_kd(
    student: Float[Tensor, "*batch values"],
    teacher: Float[Tensor, "*batch values"],
    *,
    delta: Annotated[float, Field(gt=0)] | None = None,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """Half the squared distance between the student's and the teacher's values, in squared values, per prediction.

        sum_j h(z_S(j) - z_T(j)),   h(e) = e^2 / 2,   with delta: delta * (|e| - delta / 2) where |e| > delta

    No gradient reaches the teacher.

    Args:
        student: (*batch, values) z_S; computed in float32 at least.
        teacher: (*batch, values) finite z_T.
        delta: > 0, the distance from which on its gradient grows no further; None: it grows without end.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0 (squared values), 0 where they are equal and where masked.

    Raises:
        TypeError: values are not floating point, or the mask is not bool.
        ValueError: shapes differ, there is no value, or delta is not finite and greater than 0.

    Source:
        Saputra et al. 2019, arXiv:1908.00858, the imitation of the teacher's prediction, without its weights. No
        official code.

    Example:
        >>> import torch
        >>> student, teacher = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 5.0]])
        >>> regression_kd(student, teacher)
        tensor([4.5000])
        >>> regression_kd(student, teacher, delta=1.0)
        tensor([2.5000])
    """
    check_outputs(student=student, teacher=teacher)
    check_mask(mask, student)
    z_S, z_T = counted_logits(student, mask), counted_logits(teacher.detach(), mask)
    if delta is None:
        return counted_values((z_S - z_T).square().sum(dim=-1) / 2, mask)
    check_positive(delta=delta)
    return counted_values(huber_loss(z_S, z_T, reduction="none", delta=delta).sum(dim=-1), mask)


RegressionKD = term(regression_kd, card=CARD)
