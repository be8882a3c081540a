"""Outputs that are drawn from the teacher's distribution."""

from collections.abc import Collection, Mapping
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from limbeck.cache.codecs.codec import Codec, index_dtype
from limbeck.logits import LogitForm, Sampled
from limbeck.types import Outputs

_AT_ONCE = 1 << 22
"""Probabilities that are held in memory while is drawn."""


class SampledCodec(Codec):
    """How often each output was drawn from softmax(z / T) of the teacher: random sampling of logits.

    What a student learns from the draws is, on average over them, what it would learn from the whole distribution, at
    this temperature and by the forward Kullback-Leibler divergence (`kd`).

    The draws of a prediction are a function of its logits and of `seed` alone: the same whatever the batch, and equal
    for two predictions of equal logits. A prediction's error is the probability of what was not drawn.

    Source: Anshumann et al. 2025, "Sparse Logit Sampling" (arXiv:2503.16870), with draws from the teacher's own
    distribution.
    """

    form: ClassVar[LogitForm] = "sampled"

    kind: Literal["sampled"] = "sampled"
    draws: Annotated[int, Field(ge=1, le=65_535, description="for each prediction, with replacement")] = 50
    temperature: Annotated[
        float, Field(gt=0, le=1e4, description="of the distribution that is drawn from: that of the loss `kd`")
    ] = 1.0
    seed: Annotated[int, Field(ge=0, lt=2**32, description="of the draws")] = 0

    def settled(self, temperatures: Collection[float]) -> Self:
        """Return the same.

        Raises:
            ValueError: a loss compares at another temperature.
        """
        if odd := next((each for each in temperatures if each != self.temperature), None):
            raise ValueError(
                f"a loss compares at temperature {odd:g}, and cache.codec draws at temperature {self.temperature:g}: "
                f"they tell nothing of another one; set cache.codec.temperature={odd:g}"
            )
        return self

    def encode(self, answers: Outputs) -> dict[str, Tensor]:
        """Return `indices`, `counts` and `log_p`, (predictions, places): as many as can be drawn."""
        logits = answers.dense.float()
        rows = max(1, _AT_ONCE // max(1, logits.shape[-1]))
        parts = [self._drawn(part) for part in logits.split(rows)]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def _drawn(self, logits: Tensor) -> dict[str, Tensor]:
        log_p = (logits.double() / self.temperature).log_softmax(-1)
        cumulated = log_p.exp().cumsum(-1)
        # The sum of a row is 1 up to rounding; what is below it is of an output that has a probability.
        total = cumulated[:, -1:]
        at = torch.from_numpy(_uniform(logits.numpy(), self.draws, self.seed)) * total
        at = torch.minimum(at, total.nextafter(torch.zeros_like(total)))
        drawn = torch.searchsorted(cumulated, at, right=True).sort(-1)[0]
        first = torch.ones_like(drawn, dtype=torch.bool)
        first[:, 1:] = drawn[:, 1:] != drawn[:, :-1]
        place = first.cumsum(-1) - 1
        nothing = torch.zeros(len(logits), self._places(logits.shape[-1]), dtype=torch.int64)
        counts = nothing.scatter_add(-1, place, torch.ones_like(drawn))
        indices = nothing.scatter(-1, place, drawn)
        known = torch.where(counts > 0, log_p.gather(-1, indices), 0.0)
        return {
            "indices": indices.to(index_dtype(logits.shape[-1])),
            "counts": counts.to(index_dtype(self.draws + 1)),
            "log_p": known.float(),
        }

    def decode(self, stored: Mapping[str, Tensor], outputs: int) -> Outputs:
        """Return `Sampled` logits."""
        indices, counts = stored["indices"].long(), stored["counts"].long()
        return Outputs(Sampled(indices, counts, stored["log_p"], self.draws, self.temperature, outputs))

    def bytes_per_prediction(self, outputs: int, width: int | None = None) -> float:
        """Return the bytes of an index, a count and a number for each output that can be drawn."""
        each = index_dtype(outputs).itemsize + index_dtype(self.draws + 1).itemsize + torch.float32.itemsize
        return self._places(outputs) * each

    def _places(self, outputs: int) -> int:
        """Return how many different outputs can be drawn."""
        return min(self.draws, outputs)

    def error(self, answers: Outputs, stored: Mapping[str, Tensor]) -> float:
        """Return the largest probability, at the temperature, of the outputs of a prediction that were not drawn."""
        drawn = torch.where(stored["counts"].long() > 0, stored["log_p"].double().exp(), 0.0).sum(-1)
        return max(0.0, float(1 - drawn.min())) if len(drawn) else 0.0

    def said(self, error: float) -> str:
        """Return an error in words."""
        return f"{error:.2%} of a prediction's probability, at most, is of outputs that were not drawn"


def _uniform(logits: NDArray[np.float32], draws: int, seed: int) -> NDArray[np.float64]:
    """Return numbers in [0, 1), (predictions, draws), that depend on a prediction's logits and the seed.

    The bits of a prediction's logits, each in its place, become one number; what counts up from it is mixed.
    Source: Steele, Lea & Flood 2014, "Fast Splittable Pseudorandom Number Generators" (SplitMix64).
    """
    bits = np.ascontiguousarray(logits + 0.0).view(np.uint32).astype(np.uint64)  # + 0.0: -0 is 0
    places = _mixed(np.arange(1, bits.shape[1] + 1, dtype=np.uint64) * _GAMMA)
    names = _mixed((_mixed(bits + places)).sum(1, dtype=np.uint64) + _mixed(np.uint64(seed) + _GAMMA))
    counters = np.arange(1, draws + 1, dtype=np.uint64) * _GAMMA
    return (_mixed(names[:, None] + counters) >> np.uint64(11)).astype(np.float64) * 2.0**-53


_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def _mixed(values: NDArray[np.uint64] | np.uint64) -> NDArray[np.uint64]:
    """Return SplitMix64's finalizer of each number."""
    with np.errstate(over="ignore"):
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(values ^ (values >> np.uint64(31)))
