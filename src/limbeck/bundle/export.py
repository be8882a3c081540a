"""From a PyTorch classifier to an ONNX file, and the proof that both say the same."""

import contextlib
import inspect
import io
import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import nn

from limbeck.files import staged
from limbeck.runtime.decisions import Rule
from limbeck.types import device_of, evaluating

MAX_ERROR = 1e-4


def export_onnx(
    model: nn.Module, path: Path, inputs: Mapping[str, torch.Tensor], axes: Mapping[str, Mapping[int, str]]
) -> None:
    """Write a classifier as one ONNX file with dynamic axes.

    Args:
        model: `forward(**inputs) -> (batch, classes)`.
        path: the file.
        inputs: of two rows at least, as the exporter treats sizes of 0 and 1 as constants.
        axes: of each input, the axes that may have any size, and what that size is called.

    Raises:
        Exception: whatever the exporter raises for a network that it cannot express.
    """
    from onnxscript.ir.passes.common import ClearMetadataAndDocStringPass  # slow to import, as the exporter is

    sizes = {name: torch.export.Dim(name) for axis in axes.values() for name in axis.values()}
    with quiet(), staged(path) as aside, _at_rest(model):
        program = torch.onnx.export(
            _named(model, inputs),
            (),
            kwargs=dict(inputs),
            dynamo=True,
            dynamic_shapes={key: {place: sizes[name] for place, name in axis.items()} for key, axis in axes.items()},
            input_names=list(inputs),
            output_names=["logits"],
            verbose=False,
        )
        assert program is not None
        # Of each node the exporter notes from which file and line it came: a third of a small file, and whose they are.
        ClearMetadataAndDocStringPass()(program.model)
        program.save(str(aside), external_data=False)
        onnx.checker.check_model(str(aside))


class _Named(nn.Module):
    """A network that takes `**inputs`, as one whose parameters have names: the exporter goes by them."""

    def __init__(self, network: nn.Module, names: Iterable[str]) -> None:
        super().__init__()
        self.network = network

        def forward(**inputs: torch.Tensor) -> torch.Tensor:
            return network(**inputs)

        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        vars(forward)["__signature__"] = inspect.Signature([inspect.Parameter(name, kind) for name in names])
        self.forward = forward


def _named(model: nn.Module, names: Iterable[str]) -> nn.Module:
    kinds = {parameter.kind for parameter in inspect.signature(model.forward).parameters.values()}
    return _Named(model, names).eval() if inspect.Parameter.VAR_KEYWORD in kinds else model


def reason_of(error: BaseException) -> str:
    """Return the first line of what made an export fail: the exporter's own first line says that it failed."""
    while error.__cause__ is not None:
        error = error.__cause__
    line, *_ = str(error).strip().split("\n")
    return f"{type(error).__name__}: {line}"


@dataclass(frozen=True, slots=True)
class Parity:
    """How an exported file compares with its source on real inputs.

    Attributes:
        max_abs_error: largest difference of an output; of values relative to their size, see `Rule.error`.
        agreement: share of equal answers, in [0, 1].
        exceptions: rows whose answer differs although the source's is clear: of a classifier by a margin of 1e-3.
    """

    max_abs_error: float
    agreement: float
    exceptions: int

    @property
    def exact(self) -> bool:
        """True within the tolerance of an fp32 export."""
        return self.max_abs_error <= MAX_ERROR and self.exceptions == 0


def parity(source: NDArray[np.float32], exported: NDArray[np.float32], rule: Rule) -> Parity:
    """Compare two models' outputs, both (rows, outputs)."""
    differ = rule.differ(source, exported)
    return Parity(rule.error(source, exported), float((~differ).mean()), int((differ & rule.clear(source)).sum()))


@contextlib.contextmanager
def _at_rest(model: nn.Module) -> Iterator[None]:
    """Hold a network in evaluation mode on the processor; then put it back as it was: it may be the caller's."""
    device = device_of(model)
    try:
        with evaluating(model.cpu()):
            yield
    finally:
        model.to(device)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence notes of exporter and quantizer about packages that they do not need and their own deprecations."""
    logger = logging.getLogger("torch.onnx")
    root = logging.getLogger()
    levels = logger.level, root.level
    logger.setLevel(logging.ERROR)
    root.setLevel(logging.ERROR)
    onnxruntime.set_default_logger_severity(3)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        onnxruntime.set_default_logger_severity(2)  # its default; it cannot be asked for
        logger.setLevel(levels[0])
        root.setLevel(levels[1])
