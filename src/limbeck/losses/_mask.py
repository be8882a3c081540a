"""Masking that also holds for the gradient: what does not count is replaced before the formula, not after it.

A value multiplied by 0 or overwritten afterwards still sends `0 * inf = nan` backwards.
"""

import torch
from torch import Tensor


def saved(x: Tensor) -> Tensor:
    """Return a tensor that autograd can keep for the way back, as it keeps none that was made in inference mode."""
    return x.clone() if not torch.compiler.is_compiling() and x.is_inference() else x


def counted_logits(logits: Tensor, mask: Tensor | None) -> Tensor:
    """Return the logits in at least float32, with zeros wherever the mask is False."""
    wide = saved(logits).to(torch.promote_types(logits.dtype, torch.float32))
    return wide if mask is None else torch.where(mask.unsqueeze(-1), wide, 0.0)


def counted_labels(labels: Tensor, mask: Tensor | None) -> Tensor:
    """Return int64 labels with a last axis of 1, with zeros wherever the mask is False."""
    known = saved(labels).long()
    return (known if mask is None else torch.where(mask, known, 0)).unsqueeze(-1)


def counted_values(values: Tensor, mask: Tensor | None) -> Tensor:
    """Return one value a prediction, exactly 0 wherever the mask is False."""
    return values if mask is None else torch.where(mask, values, 0)
