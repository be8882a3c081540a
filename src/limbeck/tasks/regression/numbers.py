"""Values as a loader of the caller's gives them."""

from typing import Any

import torch
from torch import Tensor

from limbeck.errors import LimbeckError

_FIX = "give finite numbers, and NaN where a row has none"


def read_tensor(given: Any) -> tuple[Tensor, Tensor]:
    """Return a loader's values, (rows, columns) float64, and which rows have one, (rows,) bool: a row of NaN has none.

    Raises:
        LimbeckError: they are no such numbers.
    """
    try:
        values = torch.as_tensor(given).double()
    except (TypeError, ValueError, RuntimeError):
        values = None
    if values is None or values.ndim not in (1, 2):
        raise LimbeckError("labels are no numbers, one or several a row", where="loader", fix=_FIX)
    values = values.reshape(len(values), -1)
    none = values.isnan()
    if (none.any(1) != none.all(1)).any() or values.isinf().any():
        raise LimbeckError("a row's labels are in part missing, or infinite", where="loader", fix=_FIX)
    return values.nan_to_num(), ~none.any(1)
