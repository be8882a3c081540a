"""Logits of a teacher that are not dense: what a loss on dense logits is called with, and what stands for one."""

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from limbeck.errors import LimbeckError
from limbeck.logits import Sampled, TopK
from limbeck.losses._checks import check_mask, check_positive
from limbeck.losses._mask import counted_logits, counted_values


def collapsed(
    student: Tensor,
    teacher: TopK,
    temperature: float,
    softened: float,
    *,
    mask: Tensor | None = None,
    decides: bool = False,
) -> tuple[Tensor, Tensor]:
    """Return logits of student and teacher on k + 1 outputs: the teacher's k largest ones, and the others as one.

        [z_1 ... z_k, T * log sum_{c > k} exp(z_c / T)]

    At its temperature T the softmax of either is that of all outputs, with the probabilities of the others added up:
    whatever compares two distributions compares these exactly. The gradient reaches every logit of the student.

    Args:
        student: (*batch, outputs) logits.
        teacher: of the same predictions.
        temperature: of the teacher where they are compared.
        softened: of the student: the same, or 1.
        mask: (*batch) bool, True where a prediction counts; elsewhere the student's logits may be anything.
        decides: only the teacher's decision is wanted, which is never for the others.

    Raises:
        ValueError: the teacher's answers are of other predictions or outputs.
        LimbeckError: they say nothing of the others at that temperature.
    """
    _check(student, teacher, mask)
    z_S = counted_logits(student, mask)
    top = z_S.detach().amax(-1, keepdim=True)
    # No difference of nearly equal sums: the others are added up by themselves.
    others = (z_S - top).scatter(-1, teacher.indices, -torch.inf)
    rest_S = softened * (others / softened).logsumexp(-1, keepdim=True) + top
    tail = torch.full_like(teacher.values[..., 0], -torch.inf) if decides else temperature * _tail(teacher, temperature)
    own = torch.cat([z_S.gather(-1, teacher.indices), rest_S], -1)
    return own, torch.cat([teacher.values, tail.unsqueeze(-1)], -1)


def _tail(teacher: TopK, temperature: float) -> Tensor:
    if temperature not in teacher.tails:
        known = ", ".join(f"{each:g}" for each in teacher.tails)
        raise LimbeckError(
            f"a loss compares at temperature {temperature:g}, and the cache has the rest at {known} alone",
            where="cache.codec.temperatures",
            fix=f"add {temperature:g} and label again, or take cache.codec=dense",
        )
    return teacher.tails[temperature]


def sampled_kd(student: Tensor, teacher: Sampled, *, temperature: float, mask: Tensor | None = None) -> Tensor:
    """Return `kd` as drawn outputs estimate it, T^2 nats, per prediction; its mean over the draws is `kd`.

        T^2 * sum_i n_i / N * (log p_T(i) - log p_S(i)),   p_S = softmax(z_S / T)

    with n_i of N draws for output i. A single value may be negative. The gradient reaches every logit of the student.

    Args:
        student: (*batch, outputs) logits z_S; computed in float32 at least.
        teacher: of the same predictions, drawn at that temperature.
        temperature: T > 0.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values, 0 where masked.

    Raises:
        TypeError: the mask is not bool.
        ValueError: the teacher's answers are of other predictions or outputs, or the temperature is not > 0.
        LimbeckError: they were drawn at another temperature.

    Source:
        Anshumann et al. 2025, "Sparse Logit Sampling", arXiv:2503.16870.
    """
    check_positive(temperature=temperature)
    if temperature != teacher.temperature:
        raise LimbeckError(
            f"kd compares at temperature {temperature:g}, and the cache has draws at {teacher.temperature:g}",
            where="cache.codec.temperature",
            fix=f"set it to {temperature:g} and label again",
        )
    _check(student, teacher, mask)
    z_S = counted_logits(student, mask)
    log_p_S = log_softmax((z_S - z_S.detach().amax(-1, keepdim=True)) / temperature, dim=-1)
    shares = teacher.counts.to(z_S.dtype) / teacher.draws
    values = (shares * (teacher.log_p - log_p_S.gather(-1, teacher.indices))).sum(-1)
    return counted_values(temperature**2 * values, mask)


def _check(student: Tensor, teacher: TopK | Sampled, mask: Tensor | None) -> None:
    if not student.is_floating_point():
        raise TypeError(f"student logits must be floating point, not {student.dtype}")
    if tuple(student.shape) != teacher.shape:
        raise ValueError(
            f"student logits have shape {tuple(student.shape)} but teacher logits have shape {teacher.shape}; they "
            "must be equal"
        )
    check_mask(mask, student)
