"""Probabilities as vectors: softened, and as directions that are compared by their angle."""

import torch
from torch import Tensor


def softened(z: Tensor, temperature: float) -> Tensor:
    """Return softmax(z / T); the largest logit is taken off before the division, which would round it."""
    return torch.softmax((z - z.amax(dim=-1, keepdim=True)) / temperature, dim=-1)


def unit(x: Tensor, dim: int, least: float | Tensor) -> Tensor:
    """Return vectors along an axis at unit length; one shorter than `least` is divided by that in place of its length.

    A vector of zeros stays one, without gradient.
    """
    length = torch.linalg.vector_norm(x, dim=dim, keepdim=True)
    length = torch.maximum(length, torch.as_tensor(least, dtype=x.dtype, device=x.device))
    return torch.where(length > 0, x, 0) / torch.where(length > 0, length, 1)


def unlike(u: Tensor, v: Tensor, dim: int) -> Tensor:
    """Return 1 - cosine of unit vectors along an axis, as half their squared distance: nothing cancels."""
    return (u - v).square().sum(dim=dim) / 2
