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


class Dense(Codec):
    """All logits of a prediction, in single or half precision.

    float16 has 11 significant bits: it rounds a logit x by at most |x| / 2048, which is 0.004 at 8 (below 6e-5, by at
    most 3e-8). A logit beyond 65,504 does not fit, and is refused.
    """

    kind: Literal["dense"] = "dense"
    dtype: Annotated[
        Literal["float32", "float16"],
        Field(description="of a stored logit; float16 halves the bytes and rounds a logit x by at most |x| / 2048"),
    ] = "float32"

    def encode(self, answers: Outputs) -> dict[str, Tensor]:
        """Return `logits` (predictions, outputs).

        Raises:
            LimbeckError: a logit is larger than the dtype holds.
        """
        stored = answers.logits.to(_DTYPES[self.dtype])
        if not torch.isfinite(stored).all():
            raise LimbeckError(
                f"the teacher answered with a logit of {answers.logits.abs().max():.6g}, and {self.dtype} holds none "
                f"beyond {torch.finfo(stored.dtype).max:.6g}",
                where="cache.codec.dtype",
                fix="set it to float32" if self.dtype == "float16" else "scale the teacher's logits down",
            )
        return {"logits": stored}

    def decode(self, stored: Mapping[str, Tensor], outputs: int) -> Outputs:
        """Return the logits (predictions, outputs), float32."""
        return Outputs(stored["logits"].float())

    def bytes_per_prediction(self, outputs: int) -> float:
        """Return 4 or 2 bytes a logit."""
        return outputs * _DTYPES[self.dtype].itemsize
