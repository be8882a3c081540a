"""The largest logits of a prediction, and the rest as one."""

from collections.abc import Collection, Mapping
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor

from limbeck.cache.codecs.codec import Codec, index_dtype
from limbeck.errors import LimbeckError
from limbeck.logits import LogitForm, TopK
from limbeck.types import Outputs

_DTYPES = {"float32": torch.float32, "float16": torch.float16}
_LEAST = -60_000.0
"""Below it a logit, from the prediction's largest on, is this: of probability 0 at any temperature of use."""


class TopKCodec(Codec):
    """The k largest logits of a prediction with their outputs, and the log-sum-exp of the others by temperature.

    A loss sees k + 1 outputs, the last of which is the rest. Without the rest, its probability would be given to the k:
    a student would learn to be surer than its teacher (Anshumann et al. 2025, arXiv:2503.16870).

    Logits are stored as their distance from the prediction's largest one, which is 0: float16 rounds a distance x by at
    most |x| / 2048. A prediction's error is the probability of what is stored as one: the teacher's outside the k.
    """

    form: ClassVar[LogitForm] = "topk"

    kind: Literal["topk"] = "topk"
    k: Annotated[int, Field(ge=1, description="logits that are kept of each prediction")] = 20
    dtype: Annotated[
        Literal["float32", "float16"],
        Field(description="of a stored number; float16 rounds a logit that is x below the largest by at most x / 2048"),
    ] = "float16"
    temperatures: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1e4)], ...],
        Field(
            max_length=100,
            description="at which the rest is stored, besides 1 and the temperatures of the recipe's losses",
        ),
    ] = ()

    def settled(self, temperatures: Collection[float]) -> Self:
        """Return the same with every temperature at which the rest is stored, ascending."""
        every = sorted({1.0, *self.temperatures, *map(float, temperatures)})
        return self.model_copy(update={"temperatures": tuple(every)})

    def require_fits(self, outputs: int) -> None:
        """Refuse a `k` that leaves no rest.

        Raises:
            LimbeckError: there are no more outputs than `k`.
        """
        if self.k >= outputs:
            raise LimbeckError(
                f"it keeps {self.k} logits of a prediction, and the teacher has {outputs}",
                where="cache.codec.k",
                fix=f"set it to {outputs - 1} at most, or take cache.codec=dense",
            )

    def encode(self, answers: Outputs) -> dict[str, Tensor]:
        """Return `values`, `indices` (predictions, k) and `tails` (predictions, temperatures).

        Raises:
            LimbeckError: there are no more outputs than `k`.
        """
        self.require_fits(answers.dense.shape[-1])
        logits = answers.dense.float()
        values, indices = logits.topk(self.k, dim=-1)
        top = values[..., :1]
        rest = (logits - top).scatter(-1, indices, -torch.inf)
        tails = torch.stack([(rest / T).logsumexp(-1) for T in self._stored], -1)
        dtype = _DTYPES[self.dtype]
        return {
            "values": (values - top).clamp(min=_LEAST).to(dtype),
            "indices": indices.to(index_dtype(answers.dense.shape[-1])),
            "tails": tails.clamp(min=_LEAST).to(dtype),
        }

    def decode(self, stored: Mapping[str, Tensor], outputs: int) -> Outputs:
        """Return `TopK` logits, float32."""
        tails = stored["tails"].float().unbind(-1)
        return Outputs(
            TopK(
                stored["values"].float(), stored["indices"].long(), dict(zip(self._stored, tails, strict=True)), outputs
            )
        )

    def bytes_per_prediction(self, outputs: int, width: int | None = None) -> float:
        """Return the bytes of k logits and their indices, and of a number by temperature."""
        number = _DTYPES[self.dtype].itemsize
        return self.k * (number + index_dtype(outputs).itemsize) + len(self._stored) * number

    def error(self, answers: Outputs, stored: Mapping[str, Tensor]) -> float:
        """Return the largest probability, at temperature 1, that a prediction has outside the k."""
        outside = answers.dense.softmax(-1).scatter(-1, stored["indices"].long(), 0.0).sum(-1)
        return float(outside.max()) if len(outside) else 0.0

    def said(self, error: float) -> str:
        """Return an error in words."""
        return f"{error:.2%} of a prediction's probability, at most, is stored as one rest"

    @property
    def _stored(self) -> tuple[float, ...]:
        """The temperatures at which the rest is stored: 1 alone where nobody has said any."""
        return self.temperatures or (1.0,)
