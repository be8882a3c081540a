"""The forms that a teacher's logits come in: each of them, some of them, or what they are computed from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from torch import Tensor
from torch.nn.functional import linear

LogitForm = Literal["dense", "topk", "sampled", "factored"]
"""What is known of the logits of a prediction: each of them, the largest ones, some that were drawn, or the state that
the last layer makes all of them from."""

WholeForm = Literal["dense", "factored"]
"""The forms in which every logit is known: those in which a live teacher answers."""


@dataclass(frozen=True, slots=True)
class TopK:
    """The largest logits of each prediction, and what the others come to together.

    Attributes:
        values: (*batch, k) logits, the largest first, up to a constant of each prediction.
        indices: (*batch, k) int64 in [0, outputs), which outputs they are of.
        tails: by temperature T: (*batch), the log of the sum of exp(z / T) over the outputs that are not among them.
        outputs: how many there are, more than k.
    """

    form: ClassVar[LogitForm] = "topk"

    values: Tensor
    indices: Tensor
    tails: Mapping[float, Tensor]
    outputs: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the logits, if they were dense: (*batch, outputs)."""
        return (*self.values.shape[:-1], self.outputs)

    def each(self, change: Callable[[Tensor], Tensor]) -> "TopK":
        """Return the same with each tensor changed."""
        tails = {temperature: change(tail) for temperature, tail in self.tails.items()}
        return replace(self, values=change(self.values), indices=change(self.indices), tails=tails)


@dataclass(frozen=True, slots=True)
class Sampled:
    """Outputs that were drawn from each prediction's own distribution, softmax(z / T).

    Attributes:
        indices: (*batch, places) int64 in [0, outputs), each output once; a place that is not used has 0.
        counts: (*batch, places) int64, how often each was drawn; 0 where a place is not used.
        log_p: (*batch, places) log of each one's probability at the temperature; 0 where a place is not used.
        draws: how often was drawn for each prediction: the sum of its counts.
        temperature: T.
        outputs: how many there are.
    """

    form: ClassVar[LogitForm] = "sampled"

    indices: Tensor
    counts: Tensor
    log_p: Tensor
    draws: int
    temperature: float
    outputs: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the logits, if they were dense: (*batch, outputs)."""
        return (*self.indices.shape[:-1], self.outputs)

    def each(self, change: Callable[[Tensor], Tensor]) -> "Sampled":
        """Return the same with each tensor changed."""
        return replace(self, indices=change(self.indices), counts=change(self.counts), log_p=change(self.log_p))


@dataclass(frozen=True, slots=True)
class Factored:
    """Logits as a network's last layer computes them: `hidden @ matrix.T + bias`.

    Every logit is known, and none is in memory. `each(lambda hidden: hidden[rows]).dense` is the logits of some rows.

    Attributes:
        hidden: (*batch, width) float32, what enters the last layer.
        matrix: (outputs, width) float32, shared by all predictions.
        bias: (outputs,) float32; None: the layer has none.
    """

    form: ClassVar[LogitForm] = "factored"

    hidden: Tensor
    matrix: Tensor
    bias: Tensor | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the logits, if they were dense: (*batch, outputs)."""
        return (*self.hidden.shape[:-1], len(self.matrix))

    @property
    def dense(self) -> Tensor:
        """The logits, (*batch, outputs) float32."""
        return linear(self.hidden, self.matrix, self.bias)

    def each(self, change: Callable[[Tensor], Tensor]) -> "Factored":
        """Return the same with the hidden states changed."""
        return replace(self, hidden=change(self.hidden))


Logits = Tensor | TopK | Sampled | Factored
"""The forms that logits come in."""


def form_of(logits: Logits) -> LogitForm:
    """Return the form that logits have."""
    return "dense" if isinstance(logits, Tensor) else logits.form


def each_tensor(logits: Logits, change: Callable[[Tensor], Tensor]) -> Logits:
    """Return logits of the same form, with each tensor changed that has a row a prediction."""
    return change(logits) if isinstance(logits, Tensor) else logits.each(change)
