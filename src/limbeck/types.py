"""What flows between the stages: a batch of examples, and a model's outputs for it."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from limbeck.errors import LimbeckError
from limbeck.logits import Factored, Logits, form_of

Predicts = Literal["distribution", "independent", "values", "vectors", "scores"]
"""What the outputs are: a distribution over classes, probabilities of their own, numbers, a direction, or a score for
each candidate of a query."""

TapShape = Literal["vector", "tokens"]
"""What a tap gives for an example: one vector, (batch, width), or one for each token, (batch, tokens, width)."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples, ready for the student and, where it runs live, for the teacher.

    Attributes:
        ids: (batch,) int64, content ids of the examples. They are looked up and not computed with, so they stay in the
            memory of the processor: to read them back from a GPU would wait for all that it still has to do.
        student_inputs: the keyword arguments of the student's `forward`, each with the batch axis first.
        labels: (batch,) int64 in [0, classes), or as the task has them, (batch, ...); None when no row has one. Values
            of unlabelled rows mean nothing.
        labelled: (batch,) bool, True where `labels` holds; None means every row is labelled.
        mask: bool, the logits' shape without the class axis, True where a prediction counts; None means all do.
        teacher_inputs: the keyword arguments of a live teacher's `forward`; None when its answers are cached.
        teacher_values: the examples as they were read, for a live teacher that is asked with these.
        weights: (batch,) float32, by which the terms that need labels multiply each example's values, 1 where it is
            unlabelled; None means 1 everywhere.
    """

    ids: Tensor
    student_inputs: Mapping[str, Tensor]
    labels: Tensor | None = None
    labelled: Tensor | None = None
    mask: Tensor | None = None
    teacher_inputs: Mapping[str, Tensor] | None = None
    weights: Tensor | None = None
    teacher_values: Sequence[Any] | None = None

    @property
    def device(self) -> torch.device:
        """Where the student's inputs are; that of the ids where there are none."""
        return next((value.device for value in self.student_inputs.values()), self.ids.device)

    def to(self, device: torch.device) -> "Batch":
        """Return the same batch on another device, all but the ids; a GPU copies while the processor goes on."""
        return self._each(lambda value: value.to(device, non_blocking=device.type == "cuda"))

    def pinned(self) -> "Batch":
        """Return the same batch in memory that a GPU reads by itself, so that `to` does not wait; for batches there."""
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        def changed(value: Any) -> Any:
            if isinstance(value, Mapping):
                return {name: change(tensor) for name, tensor in value.items()}
            return value if value is None else change(value)

        others = (entry.name for entry in fields(self) if entry.name not in ("ids", "teacher_values"))
        moved = {name: changed(getattr(self, name)) for name in others}
        return Batch(self.ids, **moved, teacher_values=self.teacher_values)


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a model said about a batch.

    Attributes:
        logits: (batch, classes) or (batch, tokens, classes), before any softmax; a cache may know less of them.
        features: activations, of the shape that each tap has: a teacher's by the tap's name; a student's, already
            projected where the pair says so, by the name of the pair of taps.
    """

    logits: Logits
    features: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def dense(self) -> Tensor:
        """The logits, one an output; of `Factored` ones they are computed here.

        Raises:
            LimbeckError: a part of them is known.
        """
        if isinstance(self.logits, Factored):
            return self.logits.dense
        if isinstance(self.logits, Tensor):
            return self.logits
        raise LimbeckError(
            f"the answers are {form_of(self.logits)}, and every logit is needed here",
            where="cache.codec",
            fix="set it to dense",
        )


@dataclass(frozen=True, slots=True)
class Predictions:
    """What is said of many examples, one prediction after another: tokens of examples of any length, without padding.

    Attributes:
        values: (predictions, ...).
        offsets: (examples + 1,) int64; example i has `values[offsets[i]:offsets[i + 1]]`. None: one each.
    """

    values: Tensor
    offsets: Tensor | None = None

    @classmethod
    def of(cls, values: Tensor, counted: Tensor | None = None) -> "Predictions":
        """Return the predictions of a batch.

        Args:
            values: (batch, ...), or (batch, tokens, ...) where `counted` is given.
            counted: (batch, tokens) bool, True where a prediction counts; None: one prediction an example.
        """
        return cls(values) if counted is None else cls(values[counted], _offsets(counted.sum(1)))

    @classmethod
    def joined(cls, parts: Sequence["Predictions"]) -> "Predictions":
        """Return the predictions of several batches as those of one."""
        values = torch.cat([part.values for part in parts])
        if parts[0].offsets is None:
            return cls(values)
        return cls(values, _offsets(torch.cat([part.lengths for part in parts])))

    def __len__(self) -> int:
        return len(self.values) if self.offsets is None else len(self.offsets) - 1

    @property
    def lengths(self) -> Tensor:
        """(examples,) int64, predictions of each example."""
        return torch.ones(len(self), dtype=torch.int64) if self.offsets is None else self.offsets.diff()

    @property
    def units(self) -> Tensor:
        """(predictions,) int64, the number of the example that each prediction is of."""
        return torch.arange(len(self)).repeat_interleave(self.lengths)

    def cpu(self) -> "Predictions":
        """Return the same in the memory of the processor."""
        return Predictions(self.values.cpu(), self.offsets)

    def take(self, rows: Tensor) -> "Predictions":
        """Return the predictions of the given examples, in that order."""
        if self.offsets is None:
            return Predictions(self.values[rows])
        offsets = _offsets(self.lengths[rows])
        first = (self.offsets[rows] - offsets[:-1]).repeat_interleave(self.lengths[rows])
        return Predictions(self.values[first + torch.arange(len(first))], offsets)

    def padded(self, counted: Tensor | None = None) -> Tensor:
        """Return (examples, tokens, ...), with zeros where nothing is said.

        Args:
            counted: (examples, tokens) bool, where the predictions stand, as many as each example has; None: at the
                beginning of a row of the longest one's length.

        Raises:
            ValueError: an example has another number of predictions.
        """
        lengths = self.lengths.to(self.values.device)
        if counted is None:
            longest = int(lengths.max()) if len(lengths) else 0
            counted = torch.arange(longest, device=lengths.device) < lengths[:, None]
        elif not torch.equal(counted.sum(1), lengths):
            raise ValueError(f"examples of {lengths.tolist()} predictions, and {counted.sum(1).tolist()} places")
        whole = self.values.new_zeros((*counted.shape, *self.values.shape[1:]))
        whole[counted] = self.values
        return whole


def _offsets(lengths: Tensor) -> Tensor:
    return torch.cat([lengths.new_zeros(1), lengths.cumsum(0)]).cpu()


def counted_tokens(
    values: Tensor, inputs: Mapping[str, Tensor], mask: Tensor | None = None, *, what: str = "the logits"
) -> Tensor | None:
    """Return where a model's values count, (batch, tokens) bool; None for values (batch, width), one an example.

    Args:
        values: (batch, width) or (batch, tokens, width).
        inputs: what the model was called with; tokens whose `attention_mask` is 0 do not count.
        mask: (batch, tokens) bool, says it in place of the inputs.
        what: the values, in the error.

    Raises:
        LimbeckError: the values have other tokens than the mask.
    """
    if values.ndim == 2:
        return None
    found = inputs.get("attention_mask") if mask is None else mask
    if found is None:
        return torch.ones(values.shape[:2], dtype=torch.bool, device=values.device)
    if found.shape != values.shape[:2]:
        raise LimbeckError(
            f"{what}: values for {tuple(values.shape[:2])} tokens, and the mask is {tuple(found.shape)}",
            where="outputs",
            fix="one row for each token of the input is needed",
        )
    return found.to(values.device) != 0


@dataclass(frozen=True, slots=True)
class Tap:
    """An activation that is read.

    Attributes:
        path: of a module, as in `named_modules()`.
        shape: what is wanted of its output.
    """

    path: str
    shape: TapShape = "vector"

    @property
    def name(self) -> str:
        """Under which a teacher's activation stands in its outputs: the path, and the shape if it is no vector."""
        return self.path if self.shape == "vector" else f"{self.path} ({self.shape})"


@dataclass(frozen=True, slots=True)
class TapPair:
    """Two activations that a feature loss compares.

    Attributes:
        student: path of a module in the student.
        teacher: path of a module in the teacher.
        shape: of both, as the loss wants it.
        projected: whether a learned linear map brings the student's to the teacher's width.
    """

    student: str
    teacher: str
    shape: TapShape = "vector"
    projected: bool = True

    @property
    def taps(self) -> tuple[Tap, Tap]:
        """The student's and the teacher's."""
        return Tap(self.student, self.shape), Tap(self.teacher, self.shape)

    @property
    def name(self) -> str:
        """Under which the student's activation stands in its outputs, which is another one where it is projected."""
        return f"{self.student} {'->' if self.projected else '|'} {self.taps[1].name}"


def tensors(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    """Return arrays as tensors of the same memory: the one place where rows become what a network is called with."""
    return {name: torch.from_numpy(value) for name, value in arrays.items()}


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Hold a network in evaluation mode; then put back the mode of each of its modules, which may differ.

    Answers are computed in float32 throughout: torch lets a GPU round what goes into a convolution to 10 bits, and
    then an exported file would not say what the network says.
    """
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        with _whole_float32() if device_of(network).type == "cuda" else nullcontext():
            yield
    finally:
        for module, training in modes.items():
            module.training = training


@contextmanager
def _whole_float32() -> Iterator[None]:
    """Hold a GPU's convolutions and recurrences to float32, then put back what was allowed.

    Matrix products are float32 unless the caller has allowed anything else.
    """
    cudnn: Any = torch.backends.cudnn  # of which a checker of types does not see all
    kinds = (cudnn.conv, cudnn.rnn)
    before = [kind.fp32_precision for kind in kinds]
    _allow_rounding(False)
    try:
        yield
    finally:
        _allow_rounding("tf32" in before)
        for kind, precision in zip(kinds, before, strict=True):
            kind.fp32_precision = precision


def _allow_rounding(allowed: bool) -> None:
    """Set the older of torch's switches, which moves the newer ones too: some of torch refuses to read a mixture."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is a newer one
        torch.backends.cudnn.allow_tf32 = allowed


def best_device() -> torch.device:
    """Return the accelerator of this machine, or its processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_of(module: nn.Module) -> torch.device:
    """Return where a module's parameters are."""
    return next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
