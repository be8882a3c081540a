"""What flows between the stages: a batch of examples, and a model's outputs for it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples, ready for the student and, where it runs live, for the teacher.

    Attributes:
        ids: (batch,) int64, content ids of the examples.
        student_inputs: the keyword arguments of the student's `forward`, each with the batch axis first.
        labels: (batch,) int64 in [0, classes), or None when no row has one. Values of unlabelled rows mean nothing.
        labelled: (batch,) bool, True where `labels` holds; None means every row is labelled.
        mask: bool, the logits' shape without the class axis, True where a prediction counts; None means all do.
        teacher_inputs: the keyword arguments of a live teacher's `forward`; None when its answers are cached.
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

    def to(self, device: torch.device) -> "Batch":
        """Return the same batch on another device."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return Batch(**{name: _move(value, device) for name, value in values.items()})


def _move(value: Any, device: torch.device) -> Any:
    if isinstance(value, Mapping):
        return {name: tensor.to(device) for name, tensor in value.items()}
    return value if value is None else value.to(device)


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a model said about a batch.

    Attributes:
        logits: (batch, classes) or (batch, tokens, classes), before any softmax.
        features: activations, (batch, width) each: a teacher's by the tap's path; a student's, already projected, by
            the name of the pair of taps.
    """

    logits: Tensor
    features: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TapPair:
    """Two activations that a feature loss compares.

    Attributes:
        student: path of a module in the student.
        teacher: path of a module in the teacher.
    """

    student: str
    teacher: str

    @property
    def name(self) -> str:
        """Under which the student's projected activation stands in its outputs."""
        return f"{self.student} -> {self.teacher}"


def tensors(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    """Return arrays as tensors of the same memory: the one place where rows become what a network is called with."""
    return {name: torch.from_numpy(value) for name, value in arrays.items()}


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Hold a network in evaluation mode; then put back the mode of each of its modules, which may differ."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def best_device() -> torch.device:
    """Return the accelerator of this machine, or its processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_of(module: nn.Module) -> torch.device:
    """Return where a module's parameters are."""
    return next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
