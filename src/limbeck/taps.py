"""Activations read by module path, and the projectors that bring a student's to a teacher's width.

    pair = TapPair(student="dropout", teacher="encoder.layer.5")
    trainable = Trainable(student, [pair], widths={"encoder.layer.5": 384}, inputs=batch.student_inputs)
    logits, features, _ = trainable(**batch.student_inputs)       # features[pair.name]: (batch, 384)

The loss says on its card which shape it wants. `vector`: states of tokens are averaged over the real ones, so that
teacher and student may cut a text into different tokens. `tokens`: a state for each token, of the same tokens in both.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from limbeck.errors import LimbeckError, nearest
from limbeck.logits import Factored
from limbeck.types import Tap, TapPair, TapShape, counted_tokens, device_of, evaluating


class Taps:
    """A network that also tells the outputs of some of its modules; without taps, just the network.

    Args:
        network: called with keyword inputs.
        taps: the modules to read, and in which shape; a wrapper says with `tapped` whose modules are meant.

    Raises:
        LimbeckError: the network has no module of that path.
    """

    def __init__(self, network: nn.Module, taps: Iterable[Tap]) -> None:
        self._network = network
        tapped = getattr(network, "tapped", network)
        modules = {path: module for path, module in tapped.named_modules() if path}
        self._taps: dict[Tap, nn.Module] = {}
        for tap in taps:
            if tap.path not in modules:
                raise LimbeckError(
                    f"{type(tapped).__name__} has no module `{tap.path}`", where="taps", fix=nearest(tap.path, modules)
                )
            self._taps[tap] = modules[tap.path]

    @property
    def wanted(self) -> tuple[Tap, ...]:
        """The modules that are read."""
        return tuple(self._taps)

    def __call__(self, **inputs: Tensor) -> tuple[Any, dict[str, Tensor]]:
        """Return the network's output and, by the name of each tap, its activation in the shape that is wanted.

        Hooks stay on the network for the length of this call only: an export or another reader must not meet them.

        Raises:
            LimbeckError: a module did not run, or its output does not give the shape that is wanted.
        """
        found: dict[str, Any] = {}
        hooks = [module.register_forward_hook(partial(_keep, found, tap.path)) for tap, module in self._taps.items()]
        try:
            output = self._network(**inputs)
        finally:
            for hook in hooks:
                hook.remove()
        return output, {tap.name: _shaped(tap, found.get(tap.path), inputs) for tap in self._taps}


def _keep(found: dict[str, Any], path: str, module: nn.Module, inputs: Any, output: Any) -> None:
    # Transformer layers and recurrent cells return their states first.
    found[path] = output[0] if isinstance(output, tuple | list) else output


def _shaped(tap: Tap, value: Any, inputs: Mapping[str, Tensor]) -> Tensor:
    if value is None:
        raise LimbeckError(
            f"the module `{tap.path}` did not run", where="taps", fix="tap a module that the forward calls"
        )
    axes, wanted, shape = _SHAPES[tap.shape]
    if not isinstance(value, Tensor) or value.ndim not in axes or not value.is_floating_point():
        given = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise LimbeckError(f"the output of `{tap.path}` is {given}, {wanted}", where="taps", fix="tap another module")
    masked = value.ndim == 3 and "attention_mask" in inputs
    return shape(value, counted_tokens(value, inputs, what=f"`{tap.path}`") if masked else None)


def _vector(value: Tensor, real: Tensor | None) -> Tensor:
    """Return (batch, width): the mean of the states of real tokens, where there are tokens."""
    if value.ndim == 2:
        return value
    if real is None:
        return value.mean(1)
    weight = real.unsqueeze(-1).to(value.dtype)
    # Chosen, not multiplied: a padded state may be anything.
    total = torch.where(weight > 0, value, 0.0).sum(1)
    return total / weight.sum(1).clamp(min=1)


def _tokens(value: Tensor, real: Tensor | None) -> Tensor:
    """Return (batch, tokens, width), with zeros at padding."""
    return value if real is None else torch.where(real.unsqueeze(-1), value, 0.0)


_SHAPES: dict[TapShape, tuple[tuple[int, ...], str, Callable[[Tensor, Tensor | None], Tensor]]] = {
    "vector": ((2, 3), "neither (batch, width) nor (batch, tokens, width)", _vector),
    "tokens": ((3,), "not (batch, tokens, width), and the loss compares tokens", _tokens),
}
"""By shape: how many axes an output may have, what is said of another one, and what brings it into the shape."""


class Trainable(nn.Module):
    """Everything that an optimizer may touch: the student, a linear projector a pair of taps that wants one, critics.

    The one module that is wrapped for several processes; taps are found before. Only the student is shipped.

    Args:
        student: called with a batch's `student_inputs`; returns logits.
        pairs: which activations are compared.
        widths: of the teacher's taps, by name; read from its answers.
        inputs: of any batch: one forward without gradient tells the widths of the student's taps.
        critics: what terms of the objective learn besides, by name of the term: called without arguments.

    Raises:
        LimbeckError: a tap that cannot be read.
    """

    def __init__(
        self,
        student: nn.Module,
        pairs: Iterable[TapPair] = (),
        widths: Mapping[str, int] | None = None,
        inputs: Mapping[str, Tensor] | None = None,
        critics: Mapping[str, nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.student = student
        self.pairs = tuple(pairs)
        self._taps = Taps(student, (pair.taps[0] for pair in self.pairs))
        self.projectors = nn.ModuleList()
        if self.pairs:
            with evaluating(student), torch.no_grad():
                found = self._taps(**(inputs or {}))[1]
            self.projectors.extend(_projector(pair, found, widths or {}) for pair in self.pairs)
        self.critics = nn.ModuleDict({name: critic.to(device_of(student)) for name, critic in (critics or {}).items()})

    def forward(self, **inputs: Tensor) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """Return the student's logits, its activations and what the critics say.

        Activations stand by the name of their pair, projected where the pair says so; what a critic says by the name of
        its term.
        """
        logits, found = self._taps(**inputs)
        pairs = zip(self.pairs, self.projectors, strict=True)
        features = {pair.name: project(found[pair.taps[0].name]) for pair, project in pairs}
        return logits, features, {name: critic() for name, critic in self.critics.items()}


def _projector(pair: TapPair, found: Mapping[str, Tensor], widths: Mapping[str, int]) -> nn.Module:
    """Return what brings the student's activation to the teacher's width; nothing is done to one that stays."""
    if not pair.projected:
        return nn.Identity()
    own, other = pair.taps
    return nn.Linear(found[own.name].shape[-1], widths[other.name]).to(found[own.name].device)


class Wrapper(nn.Module):
    """A network with another one inside: activations keep their paths, and what has no ONNX form has none.

    Args:
        network: what is inside.

    Attributes:
        network: the same.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        if hasattr(network, "no_onnx"):
            self.no_onnx = network.no_onnx

    @property
    def tapped(self) -> nn.Module:
        """The network whose module paths name its activations."""
        return getattr(self.network, "tapped", self.network)


class Around(Wrapper, ABC):
    """A network that changes another one's outputs, one after the other."""

    @abstractmethod
    def factored(self, inner: Factored) -> Factored:
        """Return the logits of the whole, of those of the network inside: other rows of the matrix, or scaled ones."""
