"""The generalised Jensen-Shannon divergence, between kd and its reverse (Agarwal et al. 2024)."""

from functools import partial
from typing import Annotated

from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_logits, check_mask, check_positive, check_share
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses._ratio import divergence, skewed_summands
from limbeck.losses.kd import kd
from limbeck.losses.reverse_kl import reverse_kl
from limbeck.losses.term import term

CARD = Card(
    name="jsd",
    kind="loss",
    family="soft targets",
    scope="prediction",
    needs=("teacher",),
    also=("gkd", "jensen_shannon"),
    forms=("dense", "factored", "topk"),
    summary="divergences of teacher and student from a mixture of both, weighed by beta",
    paper="Agarwal, Vieillard, Zhou, Stanczyk, Ramos, Geist & Bachem, On-Policy Distillation of Language Models: "
    "Learning from Self-Generated Mistakes, ICLR 2024, arXiv:2306.13649, equation 1",
    citation="""@inproceedings{agarwal2024policy,
  title = {On-Policy Distillation of Language Models: Learning from Self-Generated Mistakes},
  author = {Agarwal, Rishabh and Vieillard, Nino and Zhou, Yongchao and Stanczyk, Piotr and Ramos, Sabela
            and Geist, Matthieu and Bachem, Olivier},
  booktitle = {International Conference on Learning Representations},
  year = {2024}
}""",
    equation="T^2 * (beta * KL(p_T || m) + (1 - beta) * KL(p_S || m)), m = beta * p_T + (1 - beta) * p_S, "
    "p_X = softmax(z_X / T); beta = 0: kd, beta = 1: reverse_kl",
    code="none by the authors; widely compared with: github.com/jongwooko/distillm 17c0f98, distillm/losses.py, "
    "js_distance, whose lam is 1 - beta",
    units="nats, times T^2",
    defaults={
        "beta": "0.5 among 0.1, 0.5 and 0.9; which is best depends on the task",
        "temperature": "1 (there is none in the paper)",
    },
    use_when="kd makes the student hedge and reverse_kl makes it forget: beta goes from the one to the other; language "
    "models above all",
    beware="it is bounded, so a student that is far off learns slowly; towards beta = 0 and beta = 1 its value goes to "
    "0 times beta, or 1 - beta, and the ends themselves are kd and reverse_kl by definition: weigh it anew",
    differs="the paper defines it between 0 and 1; at the ends this is kd and reverse_kl, as later versions of TRL "
    "have it (pull request 3043). T^2 is as in kd. Code that mixes log-probabilities (TRL, issue 2202) computes "
    "another thing.",
)


def jsd(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    *,
    beta: Annotated[float, Field(ge=0, le=1)] = 0.5,
    temperature: Annotated[float, Field(gt=0)] = 1.0,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """T^2 times the generalised Jensen-Shannon divergence at temperature T, in nats, per prediction.

        T^2 * (beta * KL(p_T || m) + (1 - beta) * KL(p_S || m)),   m = beta * p_T + (1 - beta) * p_S

    p_X is softmax(z_X / T). By definition beta = 0 is `kd` and beta = 1 is `reverse_kl`. Nearly equal logits lose no
    digits. No gradient reaches the teacher.

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        teacher: (*batch, classes) logits z_T; -inf rules a class out, unless beta = 1.
        beta: in [0, 1], the teacher's share of the mixture.
        temperature: T > 0.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0 (nats times T^2), 0 where the distributions agree and where masked.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ, fewer than 2 classes, beta is not in [0, 1], the temperature is not finite and
            greater than 0, or beta = 1 and a logit of the teacher that counts is -inf.

    Source:
        Agarwal et al. 2024, arXiv:2306.13649, equation 1. No official code.

    Example:
        >>> import torch
        >>> teacher, student = torch.tensor([[2.0, 0.0, -2.0]]), torch.tensor([[0.0, 0.0, 0.0]])
        >>> jsd(student, teacher)
        tensor([0.1771])
    """
    check_share(beta=beta)
    if beta in (0, 1):
        return (reverse_kl if beta else kd)(student, teacher, temperature=temperature, mask=mask)
    check_logits(student=student, teacher=teacher)
    check_mask(mask, student)
    check_positive(temperature=temperature)
    z_S, z_T = counted_logits(student, mask), counted_logits(teacher.detach(), mask)
    return counted_values(temperature**2 * divergence(z_S, z_T, temperature, partial(_summands, beta=beta)), mask)


def _summands(p_S: Tensor, p_T: Tensor, e: Tensor, *, beta: float) -> tuple[Tensor, Tensor]:
    teachers, _, _ = skewed_summands(p_T, p_S, e, beta)
    students, log_m, _ = skewed_summands(p_S, p_T, -e, 1 - beta)
    return beta * teachers + (1 - beta) * students, -(1 - beta) * p_S * log_m


JSD = term(jsd, card=CARD)
