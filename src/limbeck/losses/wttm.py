"""Transformed teacher matching, with more weight where the softened teacher is unsure (Zheng & Yang 2024)."""

from typing import Annotated

from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor
from torch.nn.functional import log_softmax

from limbeck.cards import Card
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses.term import term
from limbeck.losses.ttm import ttm

CARD = Card(
    name="wttm",
    kind="loss",
    family="soft targets",
    scope="prediction",
    softens="teacher",
    needs=("teacher",),
    convex=True,
    summary="ttm, weighed by the sum over the classes of the teacher's probability to the power of 1 / T",
    paper="Zheng & Yang, Knowledge Distillation Based on Transformed Teacher Matching, ICLR 2024, arXiv:2402.11148, "
    "section 4",
    citation="""@inproceedings{zheng2024knowledge,
  title = {Knowledge Distillation Based on Transformed Teacher Matching},
  author = {Zheng, Kaixiang and Yang, En-Hui},
  booktitle = {International Conference on Learning Representations},
  year = {2024}
}""",
    equation="U * KL(p_T || p_S), U = sum_c softmax(z_T)(c)^(1/T), p_T = softmax(z_T / T), p_S = softmax(z_S)",
    code="github.com/zkxufo/TTM 2de9060, distiller_zoo/wttm.py; defaults: its README",
    units="nats, times U",
    defaults={
        "temperature": "5, as the exponent 1 / T of 0.2 (README, beside CRD)",
        "weight": "4 beside cross_entropy at 1 (README, beside CRD)",
    },
    use_when="as ttm, and the teacher is certain of many examples: those teach less than the few where it is not",
    beware="U lies between 1 and classes^(1 - 1/T), so the value, and with it the weight that it needs, grows with the "
    "number of classes; there is no T^2 in it",
    differs="the official code takes powers of a softmax, which loses small probabilities; here U is computed from "
    "their logs. It averages over the batch; this does not. The largest logits and a rest do not tell U, so a cache "
    "has to keep every logit.",
)


def wttm(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    *,
    temperature: Annotated[float, Field(gt=0)] = 5.0,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """Divergence from the teacher at temperature T, times the teacher's power sum, in nats times U, per prediction.

        U * KL(p_T || p_S),   U = sum_c softmax(z_T)(c)^(1/T),   p_T = softmax(z_T / T),   p_S = softmax(z_S)

    No gradient reaches the teacher.

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        teacher: (*batch, classes) logits z_T; -inf rules a class out.
        temperature: T > 0, of the teacher alone; the paper's exponent is 1 / T.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0 (nats times U), 0 where z_S = z_T / T up to a shift and where masked.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ, fewer than 2 classes, or the temperature is not finite and greater than 0.

    Source:
        Zheng & Yang 2024, arXiv:2402.11148, section 4. Official code: github.com/zkxufo/TTM.

    Example:
        >>> import torch
        >>> teacher, student = torch.tensor([[2.0, 0.0, -2.0]]), torch.tensor([[0.0, 0.0, 0.0]])
        >>> wttm(student, teacher, temperature=2.0)
        tensor([0.3726])
    """
    values = ttm(student, teacher, temperature=temperature, mask=mask)
    log_p = log_softmax(counted_logits(teacher.detach(), mask), dim=-1)
    return counted_values((log_p / temperature).exp().sum(dim=-1) * values, mask)


WTTM = term(wttm, card=CARD)
