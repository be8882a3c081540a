"""Every logit as a number of its own."""

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from limbeck.cache.codecs.codec import Codec
from limbeck.errors import LimbeckError
from limbeck.types import Outputs

_DTYPES = {"float32": torch.float32, "float16": torch.float16}
_TOP = 255
"""The byte of the largest logit of a prediction, and of no other: what is decided stays decided."""


class Dense(Codec):
    """All logits of a prediction, in single or half precision, or a byte each.

    float16 has 11 significant bits: it rounds a logit x by at most |x| / 2048, which is 0.004 at 8 (below 6e-5, by at
    most 3e-8). A logit beyond 65,504 does not fit, and is refused.

    uint8 divides the range from the smallest to the largest logit of each prediction into 255 equal steps: a logit is
    off by at most one step, the logarithm of a probability by at most two. The largest logit is exact, and stays the
    largest.
    """

    kind: Literal["dense"] = "dense"
    dtype: Annotated[
        Literal["float32", "float16", "uint8"],
        Field(
            description="of a stored logit; float16 rounds a logit x by at most |x| / 2048; uint8 rounds it by at most "
            "1 / 255 of the prediction's range of logits"
        ),
    ] = "float32"

    def encode(self, answers: Outputs) -> dict[str, Tensor]:
        """Return `logits` (predictions, outputs); of uint8 also `range` (predictions, 2), the smallest and the largest.

        Raises:
            LimbeckError: a logit is larger than the dtype holds.
        """
        logits = answers.dense
        if self.dtype == "uint8":
            return _in_bytes(logits)
        stored = logits.to(_DTYPES[self.dtype])
        if not torch.isfinite(stored).all():
            raise LimbeckError(
                f"the teacher answered with a logit of {logits.abs().max():.6g}, and {self.dtype} holds none "
                f"beyond {torch.finfo(stored.dtype).max:.6g}",
                where="cache.codec.dtype",
                fix="set it to float32" if self.dtype == "float16" else "scale the teacher's logits down",
            )
        return {"logits": stored}

    def decode(self, stored: Mapping[str, Tensor], outputs: int) -> Outputs:
        """Return the logits (predictions, outputs), float32."""
        if self.dtype != "uint8":
            return Outputs(stored["logits"].float())
        low, high = stored["range"].split(1, dim=-1)
        return Outputs(low.lerp(high, stored["logits"] / _TOP))

    def bytes_per_prediction(self, outputs: int, width: int | None = None) -> float:
        """Return 4, 2 or 1 bytes a logit, of uint8 and 8 more."""
        if self.dtype == "uint8":
            return outputs + 2 * torch.float32.itemsize
        return outputs * _DTYPES[self.dtype].itemsize


def _in_bytes(logits: Tensor) -> dict[str, Tensor]:
    """Return logits (predictions, outputs) as bytes, and what the bytes 0 and 255 stand for."""
    low, (high, best) = logits.amin(-1, keepdim=True), logits.max(-1, keepdim=True)
    share = (logits - low) / (high - low).clamp(min=torch.finfo(torch.float32).tiny)
    codes = (share * _TOP).round().clamp(max=_TOP - 1)
    return {"logits": codes.scatter(-1, best, _TOP).to(torch.uint8), "range": torch.cat([low, high], -1)}
