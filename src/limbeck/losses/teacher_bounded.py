"""The true values' term, as long as the student is worse than its teacher (Chen et al. 2017)."""

from typing import Annotated

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_mask, check_not_negative, check_outputs, check_values
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses.term import term

CARD = Card(
    name="teacher_bounded",
    kind="loss",
    family="teacher's values",
    scope="prediction",
    needs=("teacher", "labels"),
    fits=("values",),
    summary="half the squared distance to the true values, unless the student beats its teacher by a margin",
    paper="Chen, Choi, Yu, Han & Chandraker, Learning Efficient Object Detection Models with Knowledge Distillation, "
    "NIPS 2017, the teacher bounded regression loss",
    citation="""@inproceedings{chen2017learning,
  title = {Learning Efficient Object Detection Models with Knowledge Distillation},
  author = {Chen, Guobin and Choi, Wongun and Yu, Xiang and Han, Tony and Chandraker, Manmohan},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {30},
  year = {2017}
}""",
    equation="1/2 * |z_S - y|^2 where |z_S - y|^2 + margin > |z_T - y|^2, else 0",
    code="none by the authors",
    units="squared values; in a run, squared standard deviations of the training labels",
    defaults={"weight": "0.5 beside the true values' own term (the paper's nu)"},
    use_when="labelled rows are many, and the teacher is wrong on some of them: it then only tells where to stop",
    beware="it sees labelled rows only: unlabelled ones need `regression_kd` beside it; it jumps to 0 at the bound",
    differs="the paper's loss is a sum over the four numbers of a box without the half.",
)


def teacher_bounded(
    student: Float[Tensor, "*batch values"],
    teacher: Float[Tensor, "*batch values"],
    labels: Float[Tensor, "*batch values"],
    *,
    margin: Annotated[float, Field(ge=0)] = 0.0,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """Half the squared distance to the true values, 0 where the student beats its teacher, per prediction.

        1/2 * |z_S - y|^2 where |z_S - y|^2 + margin > |z_T - y|^2, else 0

    No gradient reaches the teacher.

    Args:
        student: (*batch, values) z_S; computed in float32 at least.
        teacher: (*batch, values) finite z_T.
        labels: (*batch, values) true y, finite; anything where masked.
        margin: >= 0, in squared values: by so much the student has to be better before it is left alone.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0 (squared values), 0 where the student is better by the margin and where masked.

    Raises:
        TypeError: values or labels are not floating point, or the mask is not bool.
        ValueError: shapes differ, there is no value, a label that counts is not finite, or the margin is negative or
            not finite.

    Source:
        Chen et al. 2017, the teacher bounded regression loss L_b with its margin m. No official code.

    Example:
        >>> import torch
        >>> labels = torch.tensor([[0.0], [0.0]])
        >>> teacher_bounded(torch.tensor([[2.0], [1.0]]), torch.tensor([[1.5], [1.5]]), labels)
        tensor([2., 0.])
    """
    check_outputs(student=student, teacher=teacher)
    check_mask(mask, student)
    check_values(labels, student, mask)
    check_not_negative(margin=margin)
    z_S, z_T, y = (counted_logits(each, mask) for each in (student, teacher.detach(), labels))
    own, bound = (z_S - y).square().sum(dim=-1), (z_T - y).square().sum(dim=-1)
    return counted_values(torch.where(own.detach() - bound > -margin, own / 2, 0.0), mask)


TeacherBounded = term(teacher_bounded, card=CARD)
