"""Half the sum of the probabilities' differences (Wen et al. 2023)."""

from jaxtyping import Bool, Float
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_logits, check_mask
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses._ratio import apart_summands, divergence
from limbeck.losses.term import term

CARD = Card(
    name="total_variation",
    kind="loss",
    family="soft targets",
    scope="prediction",
    needs=("teacher",),
    also=("tvd", "tv"),
    forms=("dense", "factored", "topk"),
    summary="half the sum over the classes of how far the student's and the teacher's probabilities are apart",
    paper="Wen, Li, Du & Mou, f-Divergence Minimization for Sequence-Level Knowledge Distillation, ACL 2023, "
    "arXiv:2307.15190, the total variation distance; over one prediction, not over sequences",
    citation="""@inproceedings{wen2023f,
  title = {f-Divergence Minimization for Sequence-Level Knowledge Distillation},
  author = {Wen, Yuqiao and Li, Zichao and Du, Wenyu and Mou, Lili},
  booktitle = {Annual Meeting of the Association for Computational Linguistics},
  year = {2023}
}""",
    equation="1/2 * sum_c |p_S(c) - p_T(c)|, p_X = softmax(z_X)",
    code="github.com/jongwooko/distillm 17c0f98, distillm/losses.py, tv_distance",
    units="probability, in [0, 1]",
    defaults={"weight": "1, with no other term"},
    use_when="the teacher is wrong or wild on a few examples: none of them can cost more than 1; it bounds how often "
    "two draws from teacher and student can differ",
    beware="its gradient does not fade as student and teacher draw near, so the rate has to; where the student is "
    "certain of the wrong class there is next to no gradient: begin with kd",
    differs="the paper sums over the steps of drawn sequences; this is one prediction's. The code named here leaves "
    "out classes of -inf and averages over the tokens.",
)


def total_variation(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    *,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """Total variation distance of student and teacher, a probability, per prediction.

        1/2 * sum_c |p_S(c) - p_T(c)|,   p_X = softmax(z_X)

    Where both probabilities of a class are equal its gradient is 0. No gradient reaches the teacher.

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        teacher: (*batch, classes) logits z_T; -inf rules a class out.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values in [0, 1], 0 where the distributions agree and where masked.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ, or fewer than 2 classes.

    Source:
        Wen et al. 2023, arXiv:2307.15190, for one prediction. Code: github.com/jongwooko/distillm.

    Example:
        >>> import torch
        >>> teacher, student = torch.tensor([[2.0, 0.0, -2.0]]), torch.tensor([[0.0, 0.0, 0.0]])
        >>> total_variation(student, teacher)
        tensor([0.5335])
    """
    check_logits(student=student, teacher=teacher)
    check_mask(mask, student)
    z_S, z_T = counted_logits(student, mask), counted_logits(teacher.detach(), mask)
    return counted_values(divergence(z_S, z_T, 1.0, apart_summands), mask)


TotalVariation = term(total_variation, card=CARD)
