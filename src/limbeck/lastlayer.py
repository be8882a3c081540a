"""A network's logits as what enters its last linear layer, and that layer.

network = Factoring(classifier)
factored, features = network(**inputs)           # factored.dense: the classifier's logits
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from limbeck.errors import LimbeckError
from limbeck.logits import Factored
from limbeck.taps import Around, Taps
from limbeck.types import Tap, evaluating

_ROWS = 2
"""Rows by which the layer is found."""
_ROUNDING = 64
"""Units of the last place, of the largest product of a state and a row of the matrix, by which logits may differ."""


class Factoring:
    """A network that answers with `Factored` logits, and tells the outputs of some of its modules as `Taps` does.

    The layer is the last `nn.Linear` to run whose outputs are the logits, before whatever `Around` changes of them. It
    is found by the first rows that the network is asked with, and every answer is compared with the network's own.

    Args:
        network: called with keyword inputs, returns logits (batch, outputs) or (batch, tokens, outputs).
        taps: the modules to read, and in which shape.

    Raises:
        LimbeckError: the network has no module of a tap's path.
    """

    def __init__(self, network: nn.Module, taps: Iterable[Tap] = ()) -> None:
        self._network, self._taps = network, Taps(network, taps)
        self._layer: nn.Linear | None = None
        self._whole: Factored | None = None

    def __call__(self, **inputs: Tensor) -> tuple[Factored, dict[str, Tensor]]:
        """Return the network's logits, of which matrix and bias are the same tensors each time, and its activations.

        Raises:
            LimbeckError: no linear layer gives the logits; a tap cannot be read.
        """
        if self._layer is None:
            self._layer = last_layer(self._network, {name: value[:_ROWS] for name, value in inputs.items()})
        layer, states = self._layer, []
        hook = layer.register_forward_pre_hook(lambda module, given: states.append(given[0]))
        try:
            logits, features = self._taps(**inputs)
        finally:
            hook.remove()
        if self._whole is None:
            self._whole = _through(self._network, _of(layer, states[-1]))
        factored = self._whole.each(lambda _: states[-1].float())
        if not _same(factored, logits, layer):
            raise _none(self._network)
        return factored, features


def last_layer(network: nn.Module, inputs: Mapping[str, Tensor]) -> nn.Linear:
    """Return the linear layer whose outputs are a network's logits, before whatever `Around` changes of them.

    Args:
        network: see `Factoring`; it is held in evaluation mode.
        inputs: of a few rows, on its device.

    Raises:
        LimbeckError: there is none.
    """
    inner, calls = network, []
    while isinstance(inner, Around):
        inner = inner.network

    def keep(module: nn.Module, given: Any) -> None:
        calls.append((module, given[0]))

    hooks = [each.register_forward_pre_hook(keep) for each in inner.modules() if isinstance(each, nn.Linear)]
    try:
        with evaluating(network), torch.no_grad(), torch.random.fork_rng(devices=[]):
            logits = inner(**inputs)
    finally:
        for hook in hooks:
            hook.remove()
    found = (layer for layer, state in reversed(calls) if _same(_of(layer, state), logits, layer))
    if (layer := next(found, None)) is None:
        raise _none(network)
    return layer


def _of(layer: nn.Linear, state: Tensor) -> Factored:
    bias = None if layer.bias is None else layer.bias.detach().float()
    return Factored(state.float(), layer.weight.detach().float(), bias)


def _through(network: nn.Module, inner: Factored) -> Factored:
    """Return logits as the networks around the innermost one change them."""
    return network.factored(_through(network.network, inner)) if isinstance(network, Around) else inner


def _same(factored: Factored, logits: Any, layer: nn.Linear) -> bool:
    """Return whether logits are those that a layer computes, but for rounding in the precision of the network.

    Padding may hold anything: what is no number there is not compared.
    """
    if not isinstance(logits, Tensor) or factored.shape != tuple(logits.shape):
        return False
    state, known = (value.nan_to_num(0.0, 0.0, 0.0) for value in (factored.hidden, logits.float()))
    largest = state.norm(dim=-1).max() * factored.matrix.norm(dim=-1).max() + known.abs().max()
    unit = max(torch.finfo(each).eps for each in (logits.dtype, layer.weight.dtype))
    off = (factored.dense - logits.float()).nan_to_num(0.0, 0.0, 0.0)
    return bool(off.abs().max() <= _ROUNDING * unit * largest)


def _none(network: nn.Module) -> LimbeckError:
    inside = getattr(network, "tapped", network)
    return LimbeckError(
        f"the logits of {type(inside).__name__} are not the outputs of a last linear layer, whose inputs could be kept",
        where="cache.codec",
        fix="set it to dense or topk, or take a teacher that ends in torch.nn.Linear",
    )
