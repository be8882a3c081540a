"""Classes as a loader of the caller's gives them: their numbers, from 0."""

from typing import Any

import torch
from torch import Tensor

from limbeck.errors import LimbeckError

_MISSING = (-1, -100)
"""What people write where a row has no label; the second is what a loss of torch leaves out by default."""
_FIX = "give integers from 0, and -1 where a row has none"


def read_numbers(given: Any) -> tuple[Tensor, Tensor]:
    """Return class indices, (rows,) int64, and where there is one, (rows,) bool: NaN, -1 and -100 are none.

    Raises:
        LimbeckError: labels are no such numbers.
    """
    try:
        labels = torch.as_tensor(given)
    except (TypeError, ValueError, RuntimeError):
        labels = None
    if labels is None or labels.is_complex():
        raise LimbeckError("labels are no numbers", where="loader", fix=_FIX)
    if labels.is_floating_point():
        labels = torch.where(labels.isnan(), _MISSING[0], labels)
    whole = labels.to(torch.int64)
    none = torch.isin(whole, torch.tensor(_MISSING, device=whole.device))
    odd = (whole < 0) & ~none
    if labels.is_floating_point():
        odd |= whole != labels
    if odd.any():
        raise LimbeckError(f"a label is {labels[odd][0].item():g}, which is no class", where="loader", fix=_FIX)
    return whole.clamp(min=0), ~none
