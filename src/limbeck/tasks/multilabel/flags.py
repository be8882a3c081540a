"""Label sets as a loader of the caller's gives them: columns of 0 and 1."""

from typing import Any

import torch
from torch import Tensor

from limbeck.errors import LimbeckError

_FIX = "give 0 and 1, a column a class, and NaN or -1 where a row has no label"


def read_flags(given: Any) -> tuple[Tensor, Tensor]:
    """Return a loader's label sets, (rows, classes) bool, and which rows have one, (rows,) bool: NaN and -1 say none.

    Raises:
        LimbeckError: they are no such numbers.
    """
    try:
        values = torch.as_tensor(given).double()
    except (TypeError, ValueError, RuntimeError):
        values = None
    if values is None or values.ndim != 2:
        raise LimbeckError("labels are no table of 0 and 1", where="loader", fix=_FIX)
    none = values.isnan() | (values == -1)
    if (none.any(1) != none.all(1)).any() or not (none | (values == 0) | (values == 1)).all():
        raise LimbeckError("a label is neither 0 nor 1, or a row's are in part missing", where="loader", fix=_FIX)
    return (values == 1) & ~none, ~none.any(1)
