"""What enters the teacher's last layer, and that layer once."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor

from limbeck.cache.codecs.codec import Codec
from limbeck.errors import LimbeckError
from limbeck.logits import Factored, LogitForm, WholeForm
from limbeck.types import Outputs

_DTYPES = {"float32": torch.float32, "float16": torch.float16}
_MATRIX, _BIAS = "matrix", "bias"
_AT_ONCE = 1 << 22
"""Logits that are held in memory while the error is measured."""


class Hidden(Codec):
    """The hidden state of each prediction before the teacher's last layer; that layer's matrix and bias once a cache.

    The logits are computed from both when they are read: smaller than `dense` where there are more outputs than the
    state has numbers. float16 rounds each number x of a state by at most |x| / 2048; a number beyond 65,504 does not
    fit, and is refused. Matrix and bias are float32.
    """

    form: ClassVar[LogitForm] = "factored"
    asks: ClassVar[WholeForm] = "factored"

    kind: Literal["hidden"] = "hidden"
    dtype: Annotated[
        Literal["float32", "float16"],
        Field(description="of a stored number of the state; float16 rounds a number x by at most |x| / 2048"),
    ] = "float16"

    @property
    def exactly(self) -> Self:
        """The same codec in float32."""
        return self.model_copy(update={"dtype": "float32"})

    def encode(self, answers: Outputs) -> dict[str, Tensor]:
        """Return `hidden` (predictions, width).

        Args:
            answers: `Factored` logits.

        Raises:
            LimbeckError: the teacher answered with logits, or a number of a state is larger than the dtype holds.
        """
        hidden = _factored(answers).hidden
        stored = hidden.to(_DTYPES[self.dtype])
        if not torch.isfinite(stored).all():
            raise LimbeckError(
                f"a number of the teacher's hidden state is {hidden.abs().max():.6g}, and {self.dtype} holds none "
                f"beyond {torch.finfo(stored.dtype).max:.6g}",
                where="cache.codec.dtype",
                fix="set it to float32",
            )
        return {"hidden": stored}

    def shared(self, answers: Outputs) -> dict[str, Tensor]:
        """Return `matrix` (outputs, width) and, where the layer has one, `bias` (outputs,), float32."""
        given = _factored(answers)
        return {_MATRIX: given.matrix} | ({} if given.bias is None else {_BIAS: given.bias})

    def decode(self, stored: Mapping[str, Tensor], outputs: int) -> Outputs:
        """Return `Factored` logits, float32."""
        return Outputs(Factored(stored["hidden"].float(), stored[_MATRIX], stored.get(_BIAS)))

    def bytes_per_prediction(self, outputs: int, width: int | None = None) -> float:
        """Return 4 or 2 bytes for each number of the state.

        Raises:
            ValueError: the state's width is not given.
        """
        if width is None:
            raise ValueError("the width of the hidden state says how many bytes it takes")
        return width * _DTYPES[self.dtype].itemsize

    def shared_bytes(self, outputs: int, width: int | None = None) -> float:
        """Return the bytes of matrix and bias."""
        return outputs * ((width or 0) + 1) * torch.float32.itemsize

    def error(self, answers: Outputs, stored: Mapping[str, Tensor]) -> float:
        """Return the largest difference of a logit from that of the state in float32."""
        given = _factored(answers)
        if self.dtype == "float32" or not len(given.hidden):
            return 0.0
        off = stored["hidden"].float() - given.hidden
        rows = max(1, _AT_ONCE // len(given.matrix))
        return max(float((part @ given.matrix.T).abs().max()) for part in off.split(rows))


def _factored(answers: Outputs) -> Factored:
    """Return logits as the last layer computes them.

    Raises:
        LimbeckError: the teacher gives no hidden state.
    """
    if not isinstance(answers.logits, Factored):
        raise LimbeckError(
            "it stores what enters the teacher's last layer, and this teacher gives its logits alone",
            where="cache.codec",
            fix="set it to dense or topk, or take a teacher that is a network",
        )
    return answers.logits
