"""The divergence from a mixture of both distributions, which is bounded (Ko et al. 2024)."""

from functools import partial
from typing import Annotated

from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_inside, check_logits, check_mask, check_positive
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses._ratio import divergence, skewed_summands
from limbeck.losses.term import term

CARD = Card(
    name="skew_kl",
    kind="loss",
    family="soft targets",
    scope="prediction",
    needs=("teacher",),
    also=("skl", "srkl", "skew_reverse_kl", "distillm"),
    forms=("dense", "factored", "topk"),
    summary="divergence from a mixture of teacher and student, forward or reverse",
    paper="Ko, Kim, Chen & Yun, DistiLLM: Towards Streamlined Distillation for Large Language Models, ICML 2024, "
    "arXiv:2402.03898, section 3.1",
    citation="""@inproceedings{ko2024distillm,
  title = {{DistiLLM}: Towards Streamlined Distillation for Large Language Models},
  author = {Ko, Jongwoo and Kim, Sungnyun and Chen, Tianyi and Yun, Se-Young},
  booktitle = {International Conference on Machine Learning},
  year = {2024}
}""",
    equation="T^2 * KL(p_T || alpha * p_T + (1 - alpha) * p_S); reverse: T^2 * KL(p_S || alpha * p_S + (1 - alpha) * "
    "p_T); p_X = softmax(z_X / T)",
    code="github.com/jongwooko/distillm 17c0f98, distillm/losses.py, skewed_forward_kl and skewed_reverse_kl",
    units="nats, times T^2",
    defaults={"alpha": "0.1 (official code)", "temperature": "1 (there is none in the paper)"},
    use_when="kd or reverse_kl blows up where one side gives next to no probability: the mixture bounds value and "
    "gradient; language models above all",
    beware="with alpha near 1 nearly nothing is left of value and gradient; it is not convex",
    differs="the official code's forward version leaves out the teacher's entropy and is no divergence: it is not 0 "
    "where both agree; here both are. It takes the log of a mixture of float32 probabilities, leaves out classes of "
    "-inf, and averages over the tokens. T^2 is as in kd.",
)


def skew_kl(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    *,
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.1,
    reverse: bool = False,
    temperature: Annotated[float, Field(gt=0)] = 1.0,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """T^2 times the divergence of a mixture of both from one of them at temperature T, in nats, per prediction.

        T^2 * KL(p_T || alpha * p_T + (1 - alpha) * p_S),   p_X = softmax(z_X / T)

    Reverse: T^2 * KL(p_S || alpha * p_S + (1 - alpha) * p_T). Nearly equal logits lose no digits, as in `kd`. No
    gradient reaches the teacher.

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        teacher: (*batch, classes) logits z_T; -inf rules a class out.
        alpha: in (0, 1), the share of the distribution itself in the mixture.
        reverse: whether teacher and student change places.
        temperature: T > 0.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values in [0, -T^2 * log(alpha)] (nats times T^2), 0 where the distributions agree and where masked.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ, fewer than 2 classes, alpha is not in (0, 1), or the temperature is not finite and
            greater than 0.

    Source:
        Ko et al. 2024, arXiv:2402.03898, section 3.1. Official code: github.com/jongwooko/distillm.

    Example:
        >>> import torch
        >>> teacher, student = torch.tensor([[2.0, 0.0, -2.0]]), torch.tensor([[0.0, 0.0, 0.0]])
        >>> skew_kl(student, teacher)
        tensor([0.5383])
    """
    check_logits(student=student, teacher=teacher)
    check_mask(mask, student)
    check_inside(alpha=alpha)
    check_positive(temperature=temperature)
    z_S, z_T = counted_logits(student, mask), counted_logits(teacher.detach(), mask)
    of = partial(_reverse if reverse else _forward, alpha=alpha)
    return counted_values(temperature**2 * divergence(z_S, z_T, temperature, of), mask)


def _forward(p_S: Tensor, p_T: Tensor, e: Tensor, *, alpha: float) -> tuple[Tensor, Tensor]:
    summands, _, ratio = skewed_summands(p_T, p_S, e, alpha)
    return summands, (1 - alpha) ** 2 * p_S * ratio


def _reverse(p_S: Tensor, p_T: Tensor, e: Tensor, *, alpha: float) -> tuple[Tensor, Tensor]:
    summands, log_m, ratio = skewed_summands(p_S, p_T, -e, alpha)
    return summands, p_S * (alpha * (1 - alpha) * ratio - log_m)


SkewKL = term(skew_kl, card=CARD)
