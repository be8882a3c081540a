"""The Kullback-Leibler divergence of two softmaxes, exact also where they are nearly equal.

`sum p_T * (log p_T - log p_S)` cancels there: its terms are of the size of the logits' difference, their sum of the
size of its square. In float32 at T = 20 the sum may come out negative, and at T = 10,000 nothing of it is left.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from limbeck.losses._once import once

_UNSEEN = 1e-30
"""A class with no more than this of the teacher's probability counts by what the student gives it."""

_FAR = 80.0
"""exp(80) times a probability above `_UNSEEN` says that a row is far apart; how far is read elsewhere."""


def softened_kl(z_S: Tensor, z_T: Tensor, temperature: float) -> Tensor:
    """Return KL(softmax(z_T / T) || softmax(z_S / T)) in nats, (*batch) >= 0; its gradient reaches z_S, once.

    With v = (z_S - z_T) / T, less its mean under p_T, the divergence is log sum p_T * exp(v). As sum p_T * v = 0, it is
    log1p(sum p_T * (exp(v) - 1 - v)): no summand is negative, and nothing cancels. Its gradient by z_S / T is
    p_S - p_T = p_T * (exp(v) - 1 - S) / (1 + S), where S is that sum.

    Args:
        z_S: (*batch, classes) logits, float32 or float64.
        z_T: (*batch, classes) logits; -inf rules a class out.
        temperature: T > 0.
    """
    value, _ = _SoftenedKL.apply(z_S, z_T, temperature)
    return value


class _SoftenedKL(torch.autograd.Function):
    """The value and, for the way back, its gradient: what autograd makes of the formula takes twice the time."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z_S: Tensor, z_T: Tensor, temperature: float) -> tuple[Tensor, Tensor]:  # pyrefly: ignore[bad-override]
        """Return the divergence (*batch) and its gradient by z_S (*batch, classes)."""
        return _value_and_slope(z_S, z_T, temperature)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        """Keep the gradient for the way back; apart from `forward`, as transforms of `torch.func` ask."""
        value, slope = output
        ctx.save_for_backward(value, slope)
        ctx.mark_non_differentiable(slope)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor, None, None]:  # pyrefly: ignore[bad-override]
        """Return the gradient by z_S."""
        value, slope = ctx.saved_tensors
        return once(gradient.unsqueeze(-1) * slope, value), None, None


def _value_and_slope(z_S: Tensor, z_T: Tensor, T: float) -> tuple[Tensor, Tensor]:
    at = apart(z_S, z_T, T)
    S, p_T, p_S = at.S, at.teacher, at.student
    # Where S is large nothing cancels, and it may be infinite. 0 log 0 = 0, also for a class that both rule out.
    near = S <= 1
    plain = (p_T * (at.log_teacher - at.log_student).masked_fill_(at.unseen, 0)).sum(dim=-1, keepdim=True)
    value = torch.where(near, S.log1p(), plain).squeeze(-1)
    S = torch.where(near, S, 1)
    close = at.growth.sub_(S).mul_(p_T).div_(1 + S).add_(at.beyond)
    return value, (p_S - p_T).lerp_(close, near.to(close.dtype)).div_(T)


class Apart(NamedTuple):
    """How far two softmaxes are apart: their logs and probabilities by class, and what `softened_kl` makes of them."""

    log_student: Tensor
    log_teacher: Tensor
    student: Tensor
    teacher: Tensor
    unseen: Tensor
    beyond: Tensor
    v: Tensor
    growth: Tensor
    S: Tensor


def apart(z_S: Tensor, z_T: Tensor, T: float) -> Apart:
    """Return v, exp(v) - 1 and S as `softened_kl` defines them, and the probabilities."""
    # The largest logit is taken off before the division: 10,000 / T has no digits left for a difference of 0.01.
    top_T, best = z_T.max(dim=-1, keepdim=True)
    log_p_T = log_softmax((z_T - top_T) / T, dim=-1)
    log_p_S = log_softmax((z_S - z_S.amax(dim=-1, keepdim=True)) / T, dim=-1)
    p_T, p_S = log_p_T.exp(), log_p_S.exp()
    unseen = p_T <= _UNSEEN
    beyond = torch.where(unseen, p_S, 0)

    v = (_difference(z_S, z_T, best) / T).masked_fill_(unseen, 0)
    v -= (p_T * v).sum(dim=-1, keepdim=True)
    # p_S = p_T * exp(v - KL) of any class: the teacher's best one tells the KL to a few digits, which the rest needs.
    kl = (log_p_T - log_p_S).gather(-1, best) + v.gather(-1, best)
    v.clamp_(max=_FAR)
    growth = v.expm1()
    S = (p_T * excess(v, growth)).sum(dim=-1, keepdim=True) + kl.exp() * beyond.sum(dim=-1, keepdim=True)
    return Apart(log_p_S, log_p_T, p_S, p_T, unseen, beyond, v, growth, S)


def excess(v: Tensor, growth: Tensor) -> Tensor:
    """Return exp(v) - 1 - v >= 0, given expm1(v): up to about (60 eps)^(1/3) by three terms of its series.

    There the fourth term is below rounding, and the difference still has most of its digits: 17 bits in float32. From
    one to the other it goes in a straight line, as a choice by class takes a processor ten times longer.
    """
    square = v * v
    series = (v / 12 + 1 / 3).mul_(v).add_(1).mul_(square).div_(2)
    beyond = (square / (60 * torch.finfo(v.dtype).eps) ** (2 / 3)).sub_(1).clamp_(0, 1)
    return series.lerp_(growth - v, beyond)


def _difference(a: Tensor, b: Tensor, place: Tensor) -> Tensor:
    """Return a - b, less the same at one place of each row, as if rounded once: a shift of a row costs no digits.

    Source: Knuth, The Art of Computer Programming 2, section 4.2.2, theorem B: the rounding error of a difference.
    """
    high = a - b
    taken = high - a
    low = (a - (high - taken)) - (b + taken)
    return (high - high.gather(-1, place)) + (low - low.gather(-1, place))
