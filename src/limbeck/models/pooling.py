"""From one vector a token to one vector a text, whatever the padding."""

import torch
from torch import Tensor


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over the unmasked tokens; zeros where a row has none.

    Args:
        values: (batch, tokens, dim) float, finite also where masked.
        mask: (batch, tokens) bool, True where a token is real.

    Returns:
        (batch, dim).
    """
    kept = mask.unsqueeze(-1).to(values.dtype)
    return (values * kept).sum(1) / kept.sum(1).clamp(min=1)


def masked_max(values: Tensor, mask: Tensor, *, lowest: float) -> Tensor:
    """Return the maximum over the unmasked tokens; `lowest` where a row has none.

    Args:
        values: (batch, tokens, dim) float.
        mask: (batch, tokens) bool, True where a token is real.
        lowest: a finite lower bound of `values`, so that masked tokens never win.

    Returns:
        (batch, dim).
    """
    return torch.where(mask.unsqueeze(-1), values, lowest).amax(1)
