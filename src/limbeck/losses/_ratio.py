"""Divergences of two softmaxes that are sums over the classes of a function of both probabilities.

Each is written so that no summand is negative and none cancels where the two are nearly equal: a first-order part whose
sum over the classes is 0 is added to every summand. What they need for it is the log of the probabilities' ratio, with
all its digits.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from limbeck.losses._divergence import apart, excess
from limbeck.losses._once import once

Summands = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""(p_S, p_T, e = log p_S - log p_T) -> the summands, and their derivatives by log p_S."""

_CLOSE = 1.0
"""Up to this ratio of e a summand is computed from the ratio, beyond it from the probabilities themselves."""

_NOTHING = 1e3
"""exp(-1,000) is 0 in float64 too: beyond this log ratio the smaller probability is 0."""


def divergence(z_S: Tensor, z_T: Tensor, temperature: float, of: Summands) -> Tensor:
    """Return sum_c of(p_S(c), p_T(c), log p_S(c) / p_T(c)), (*batch); its gradient reaches z_S, once.

    Args:
        z_S: (*batch, classes) logits, float32 or float64.
        z_T: (*batch, classes) logits; -inf rules a class out, where `of` can have that.
        temperature: T > 0, of p_X = softmax(z_X / T).
        of: the summands.
    """
    value, _ = _Divergence.apply(z_S, z_T, temperature, of)
    return value


class _Divergence(torch.autograd.Function):
    """The value and, for the way back, its gradient: as in `_divergence`."""

    generate_vmap_rule = True

    @staticmethod
    def forward(  # pyrefly: ignore[bad-override]
        z_S: Tensor, z_T: Tensor, temperature: float, of: Summands
    ) -> tuple[Tensor, Tensor]:
        """Return the divergence (*batch) and its gradient by z_S (*batch, classes)."""
        p_S, p_T, e = log_ratio(z_S, z_T, temperature)
        summands, slopes = of(p_S, p_T, e)
        slope = slopes - p_S * slopes.sum(dim=-1, keepdim=True)
        return summands.sum(dim=-1), slope / temperature

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        """Keep the gradient for the way back; apart from `forward`, as transforms of `torch.func` ask."""
        value, slope = output
        ctx.save_for_backward(value, slope)
        ctx.mark_non_differentiable(slope)

    @staticmethod
    def backward(  # pyrefly: ignore[bad-override]
        ctx: Any, gradient: Tensor, _: Tensor
    ) -> tuple[Tensor, None, None, None]:
        """Return the gradient by z_S."""
        value, slope = ctx.saved_tensors
        return once(gradient.unsqueeze(-1) * slope, value), None, None, None


def log_ratio(z_S: Tensor, z_T: Tensor, temperature: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return p_S, p_T and e = log p_S - log p_T, each (*batch, classes); e is 0 for a class that both rule out.

    Where the two are close, e = v - log1p(S) of `softened_kl`, which is exact where log p_S - log p_T is rounding.
    """
    at = apart(z_S, z_T, temperature)
    close = (at.S <= 1) & ~at.unseen
    e = torch.where(close, at.v - at.S.log1p(), at.log_student - at.log_teacher)
    return at.student, at.teacher, e.masked_fill((at.student == 0) & (at.teacher == 0), 0)


def reverse_summands(p_S: Tensor, p_T: Tensor, e: Tensor) -> tuple[Tensor, Tensor]:
    """KL(p_S || p_T): p_S * e - p_S + p_T >= 0, which is p_S * (exp(-e) - 1 + e).

    Of a class that the teacher rules out it is infinite. The derivative is then finite, that of a log ratio of
    `_NOTHING`: one such row is not to make every weight NaN.
    """
    e = e.clamp(min=-_NOTHING)
    beside = (-e).clamp(-_CLOSE, _CLOSE)
    weighted = torch.where(p_S > 0, p_S * e, 0)
    summands = torch.where(e.abs() <= _CLOSE, p_S * excess(beside, beside.expm1()), weighted - p_S + p_T)
    return summands, torch.where(e == torch.inf, p_S * _NOTHING, weighted)


def skewed_summands(p: Tensor, q: Tensor, d: Tensor, alpha: float) -> tuple[Tensor, Tensor, Tensor]:
    """KL(p || m), m = alpha * p + (1 - alpha) * q: p * (x - log(1 + x)) >= 0, with x = m / p - 1.

    Args:
        p: probabilities.
        q: probabilities.
        d: log q - log p.
        alpha: in (0, 1).

    Returns:
        The summands, log m - log p, and (q - p) / m.
    """
    d = d.clamp(-_NOTHING, _NOTHING)
    other, near = 1 - alpha, d.abs() <= _CLOSE
    x = other * d.clamp(-_CLOSE, _CLOSE).expm1()
    # log(alpha + (1 - alpha) * exp(d)), without exp(d) where that is infinite.
    log_m = torch.where(near, x.log1p(), torch.logaddexp(d + math.log(other), torch.full_like(d, math.log(alpha))))
    summands = torch.where(near, p * _log_excess(x), other * (q - p) - p * log_m)
    less = -d.abs()
    small, share = less.expm1(), less.exp()
    ratio = torch.where(d > 0, -small / (alpha * share + other), small / (alpha + other * share))
    return summands, log_m, ratio


def _log_excess(x: Tensor) -> Tensor:
    """Return x - log(1 + x) >= 0 for x > -1: near 0 by four terms of its series."""
    series = x * x * (0.5 - x * (1 / 3 - x * (1 / 4 - x / 5)))
    bound = (30 * torch.finfo(x.dtype).eps) ** (1 / 4)
    return torch.where(x.abs() <= bound, series, x - x.log1p())


def apart_summands(p_S: Tensor, p_T: Tensor, e: Tensor) -> tuple[Tensor, Tensor]:
    """1/2 * |p_S - p_T|, which is 1/2 * p_T * |exp(e) - 1|."""
    near = e.abs() <= _CLOSE
    distance = torch.where(near, p_T * e.clamp(-_CLOSE, _CLOSE).expm1().abs(), (p_S - p_T).abs())
    return distance / 2, p_S * e.sign() / 2
