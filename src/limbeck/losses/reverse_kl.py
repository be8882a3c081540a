"""The divergence the other way round: of the teacher from the student (Gu et al. 2024)."""

from typing import Annotated

from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_logits, check_mask, check_positive, check_reaches
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses._ratio import divergence, reverse_summands
from limbeck.losses.term import term

CARD = Card(
    name="reverse_kl",
    kind="loss",
    family="soft targets",
    scope="prediction",
    needs=("teacher",),
    also=("rkl", "minillm"),
    forms=("dense", "factored", "topk"),
    summary="divergence of the teacher's softened distribution from the student's: kd the other way round",
    paper="Gu, Dong, Wei & Huang, MiniLLM: Knowledge Distillation of Large Language Models, ICLR 2024, "
    "arXiv:2306.08543, section 2; over one prediction, not over sequences",
    citation="""@inproceedings{gu2024minillm,
  title = {{MiniLLM}: Knowledge Distillation of Large Language Models},
  author = {Gu, Yuxian and Dong, Li and Wei, Furu and Huang, Minlie},
  booktitle = {International Conference on Learning Representations},
  year = {2024}
}""",
    equation="T^2 * sum_c p_S(c) * (log p_S(c) - log p_T(c)), p_X = softmax(z_X / T)",
    code="github.com/jongwooko/distillm 17c0f98, distillm/losses.py, reverse_kl",
    units="nats, times T^2",
    defaults={"temperature": "1 (there is none in the paper)"},
    use_when="a student too small for all that the teacher says, and many classes, as in language models: it learns "
    "the teacher's likeliest answers well and gives up the others",
    beware="a student that gives a class no probability is never told that the teacher does, so begin with a trained "
    "one or with kd; it is not convex; a class that the teacher rules out by -inf would cost infinitely and is refused",
    differs="the paper estimates it over sequences that the student has drawn; this is exact for each prediction, as "
    "in the code named here, which leaves out classes of -inf, has no temperature, and averages over the tokens. T^2 "
    "is as in kd.",
)


def reverse_kl(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    *,
    temperature: Annotated[float, Field(gt=0)] = 1.0,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """T^2 times the Kullback-Leibler divergence of teacher from student at temperature T, in nats, per prediction.

        T^2 * sum_c p_S(c) * (log p_S(c) - log p_T(c)),   p_X = softmax(z_X / T)

    Nearly equal logits lose no digits, as in `kd`. No gradient reaches the teacher.

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        teacher: (*batch, classes) finite logits z_T.
        temperature: T > 0.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0 (nats times T^2), 0 where the distributions agree and where masked.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ, fewer than 2 classes, a logit of the teacher that counts is -inf (on a GPU the value
            is infinite instead, its gradient finite), or the temperature is not finite and greater than 0.

    Source:
        Gu et al. 2024, arXiv:2306.08543, section 2, for one prediction. Code: github.com/jongwooko/distillm.

    Example:
        >>> import torch
        >>> teacher, student = torch.tensor([[2.0, 0.0, -2.0]]), torch.tensor([[0.0, 0.0, 0.0]])
        >>> reverse_kl(student, teacher)
        tensor([1.0443])
        >>> reverse_kl(teacher, teacher)
        tensor([0.])
    """
    check_logits(student=student, teacher=teacher)
    check_mask(mask, student)
    check_positive(temperature=temperature)
    check_reaches(teacher, mask, "reverse_kl")
    z_S, z_T = counted_logits(student, mask), counted_logits(teacher.detach(), mask)
    return counted_values(temperature**2 * divergence(z_S, z_T, temperature, reverse_summands), mask)


ReverseKL = term(reverse_kl, card=CARD)
