"""Soft targets of which only the teacher's are softened (Zheng & Yang 2024)."""

from typing import Annotated

from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_logits, check_mask, check_positive
from limbeck.losses._divergence import softened_kl
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses.term import term

CARD = Card(
    name="ttm",
    kind="loss",
    family="soft targets",
    scope="prediction",
    needs=("teacher",),
    convex=True,
    forms=("dense", "factored", "topk"),
    softens="teacher",
    summary="divergence of the student's own distribution from the teacher's softened one",
    paper="Zheng & Yang, Knowledge Distillation Based on Transformed Teacher Matching, ICLR 2024, arXiv:2402.11148, "
    "section 3",
    citation="""@inproceedings{zheng2024knowledge,
  title = {Knowledge Distillation Based on Transformed Teacher Matching},
  author = {Zheng, Kaixiang and Yang, En-Hui},
  booktitle = {International Conference on Learning Representations},
  year = {2024}
}""",
    equation="sum_c p_T(c) * (log p_T(c) - log p_S(c)), p_T = softmax(z_T / T), p_S = softmax(z_S)",
    code="github.com/zkxufo/TTM 2de9060, distiller_zoo/ttm.py; defaults: its README",
    units="nats",
    defaults={
        "temperature": "10, as the exponent 1 / T of 0.1 (README, vgg13 to vgg8); 5 to 10 elsewhere in the repository",
        "weight": "45 beside cross_entropy at 1 (README, vgg13 to vgg8)",
    },
    use_when="kd with a high temperature helps and the student is overconfident: without a temperature of its own it "
    "is also held back from certainty",
    beware="the student is pulled to a soft distribution, so its probabilities are less sure than the teacher's; there "
    "is no T^2 in it, so the weight has to be large where T is",
    differs="the official code takes the teacher's softmax to a power and divides by the sum: softmax(z_T / T), "
    "but it loses small probabilities; it averages over the batch, and this does not.",
)


def ttm(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    *,
    temperature: Annotated[float, Field(gt=0)] = 10.0,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """Divergence of the student's distribution from the teacher's at temperature T, in nats, per prediction.

        sum_c p_T(c) * (log p_T(c) - log p_S(c)),   p_T = softmax(z_T / T),   p_S = softmax(z_S)

    No gradient reaches the teacher.

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        teacher: (*batch, classes) logits z_T; -inf rules a class out.
        temperature: T > 0, of the teacher alone; the paper's exponent is 1 / T.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0 (nats), 0 where z_S = z_T / T up to a shift and where masked.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ, fewer than 2 classes, or the temperature is not finite and greater than 0.

    Source:
        Zheng & Yang 2024, arXiv:2402.11148, section 3. Official code: github.com/zkxufo/TTM.

    Example:
        >>> import torch
        >>> teacher, student = torch.tensor([[2.0, 0.0, -2.0]]), torch.tensor([[0.0, 0.0, 0.0]])
        >>> ttm(student, teacher, temperature=2.0)
        tensor([0.2662])
        >>> ttm(teacher / 2, teacher, temperature=2.0)
        tensor([0.])
    """
    check_logits(student=student, teacher=teacher)
    check_mask(mask, student)
    check_positive(temperature=temperature)
    z_S, z_T = counted_logits(student, mask), counted_logits(teacher.detach(), mask)
    softened = (z_T - z_T.amax(dim=-1, keepdim=True)) / temperature
    return counted_values(softened_kl(z_S, softened, 1.0), mask)


TTM = term(ttm, card=CARD)
