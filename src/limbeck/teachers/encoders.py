"""Frozen networks that answer with features: of transformers, in an ONNX file, or a function of the user's."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from limbeck.errors import LimbeckError, nearest
from limbeck.models import failed
from limbeck.models.custom import ending_is_an_error, parameters_of
from limbeck.models.pooling import masked_mean


class Pooled(nn.Module):
    """A network that gives one vector a row, whatever it gave before.

    Args:
        network: gives (rows, width), or states (rows, tokens, width).
        pooling: of states: their mean over the real tokens, or the first one.
    """

    def __init__(self, network: nn.Module, pooling: str) -> None:
        super().__init__()
        self.network, self.pooling = network, pooling
        self.no_onnx = network.no_onnx

    def forward(self, **inputs: Tensor) -> Tensor:
        """Return (rows, width)."""
        found = self.network(**inputs)
        if found.ndim != 3:
            return found
        if self.pooling == "cls":
            return found[:, 0]
        mask = inputs.get("attention_mask")
        shown = found.new_ones(found.shape[:2]) if mask is None else mask
        return masked_mean(found[:, : shown.shape[1]], shown.bool())


class FunctionEncoder(nn.Module):
    """A function of the user's as a network.

    Args:
        function: called with the arrays that are read, by name, as NumPy arrays; returns (rows, width).
        name: in the recipe, for errors.
    """

    no_onnx = "its features come from a function of Python"
    uncounted = True  # its weights are wherever the function has them

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        super().__init__()
        self.function, self.name = function, name

    def forward(self, **inputs: Tensor) -> Tensor:
        """Return (rows, width) float32.

        Raises:
            LimbeckError: the function fails, or returns no numbers.
        """
        arrays = {name: value.detach().cpu().numpy() for name, value in inputs.items()}
        try:
            with ending_is_an_error(), torch.no_grad():
                found = self.function(**arrays)
            return torch.from_numpy(np.array(found, np.float32))
        except LimbeckError:
            raise
        except Exception as error:
            raise failed(f"`{self.name}` failed", error, where="teacher.model") from error


def require_callable(function: Callable[..., Any], name: str, arrays: Mapping[str, Any], where: str) -> None:
    """Refuse a function that does not take the arrays that are read.

    Raises:
        LimbeckError: it needs another one, does not take one, or does not say what it takes.
    """
    parameters = parameters_of(function, f"{where} {name}")
    kinds = {parameter.kind for parameter in parameters.values()}
    needed = [key for key, one in parameters.items() if one.default is one.empty and one.kind in _NAMED]
    if missing := [key for key in needed if key not in arrays]:
        raise LimbeckError(
            f"`{name}` needs `{missing[0]}`, which is not read", where=where, fix=nearest(missing[0], arrays)
        )
    unknown = [key for key in arrays if key not in parameters]
    if unknown and inspect.Parameter.VAR_KEYWORD not in kinds:
        raise LimbeckError(
            f"`{name}` does not take `{unknown[0]}`",
            where=where,
            fix=f"it is called with {', '.join(arrays)}: name them, or add **others",
        )


_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def width_of(network: nn.Module, example: Mapping[str, Tensor], where: str) -> int:
    """Return how many features a frozen network gives a row.

    Raises:
        LimbeckError: it gives anything but (rows, features).
    """
    rows = len(next(iter(example.values())))
    with torch.no_grad():
        found = network(**{name: value.clone() for name, value in example.items()})
    if found.ndim != 2 or len(found) != rows or not found.shape[1]:
        raise LimbeckError(
            f"it returned {tuple(found.shape)} for {rows} rows", where=where, fix="features (rows, width) are needed"
        )
    return found.shape[1]
