"""Activations read by module path, and the projectors that bring a student's to a teacher's width.

    pair = TapPair(student="dropout", teacher="encoder.layer.5")
    trainable = Trainable(student, [pair], widths={"encoder.layer.5": 384}, inputs=batch.student_inputs)
    logits, features = trainable(**batch.student_inputs)          # features[pair.name]: (batch, 384)

A tap yields one vector an example: states of tokens are averaged over the real ones, so that teacher and student may
cut a text into different tokens.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from limbeck.errors import LimbeckError, nearest
from limbeck.types import TapPair, evaluating


class Taps:
    """A network that also tells the outputs of some of its modules; without paths, just the network.

    Args:
        network: called with keyword inputs.
        paths: of the modules to read, as in `named_modules()`; a wrapper says with `tapped` whose modules are meant.

    Raises:
        LimbeckError: the network has no module of that path.
    """

    def __init__(self, network: nn.Module, paths: Iterable[str]) -> None:
        self._network = network
        tapped = getattr(network, "tapped", network)
        modules = {path: module for path, module in tapped.named_modules() if path}
        self._taps: dict[str, nn.Module] = {}
        for path in paths:
            if path not in modules:
                raise LimbeckError(
                    f"{type(tapped).__name__} has no module `{path}`", where="taps", fix=nearest(path, modules)
                )
            self._taps[path] = modules[path]

    def __call__(self, **inputs: Tensor) -> tuple[Any, dict[str, Tensor]]:
        """Return the network's output and, by path, one vector an example, (batch, width) each.

        States of tokens are averaged where `attention_mask`, if there is such an input, is not 0. Hooks stay on the
        network for the length of this call only: an export or another reader must not meet them.

        Raises:
            LimbeckError: a module did not run, or its output is neither (batch, width) nor (batch, tokens, width).
        """
        found: dict[str, Any] = {}
        hooks = [module.register_forward_hook(partial(_keep, found, path)) for path, module in self._taps.items()]
        try:
            output = self._network(**inputs)
        finally:
            for hook in hooks:
                hook.remove()
        mask = inputs.get("attention_mask")
        return output, {path: _one_vector_an_example(path, found.get(path), mask) for path in self._taps}


def _keep(found: dict[str, Any], path: str, module: nn.Module, inputs: Any, output: Any) -> None:
    # Transformer layers and recurrent cells return their states first.
    found[path] = output[0] if isinstance(output, tuple | list) else output


def _one_vector_an_example(path: str, value: Any, mask: Tensor | None) -> Tensor:
    if value is None:
        raise LimbeckError(f"the module `{path}` did not run", where="taps", fix="tap a module that the forward calls")
    if not isinstance(value, Tensor) or value.ndim not in (2, 3) or not value.is_floating_point():
        shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise LimbeckError(
            f"the output of `{path}` is {shape}, neither (batch, width) nor (batch, tokens, width)",
            where="taps",
            fix="tap another module",
        )
    if value.ndim == 2:
        return value
    if mask is None:
        return value.mean(1)
    if mask.shape != value.shape[:2]:
        raise LimbeckError(
            f"`{path}` has states for {tuple(value.shape[:2])} tokens and the mask is {tuple(mask.shape)}", where="taps"
        )
    real = mask.unsqueeze(-1).to(value.dtype)
    # Chosen, not multiplied: a padded state may be anything.
    total = torch.where(real > 0, value, 0.0).sum(1)
    return total / real.sum(1).clamp(min=1)


class Trainable(nn.Module):
    """Everything that an optimizer may touch: the student, and a linear projector for each pair of taps.

    The one module that is wrapped for several processes; taps are found before. Only the student is shipped.

    Args:
        student: called with a batch's `student_inputs`; returns logits.
        pairs: which activations are compared.
        widths: of the teacher's taps, by path; read from its answers.
        inputs: of any batch: one forward without gradient tells the widths of the student's taps.

    Raises:
        LimbeckError: a tap that cannot be read.
    """

    def __init__(
        self,
        student: nn.Module,
        pairs: Iterable[TapPair] = (),
        widths: Mapping[str, int] | None = None,
        inputs: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.student = student
        self.pairs = tuple(pairs)
        self._taps = Taps(student, (pair.student for pair in self.pairs))
        self.projectors = nn.ModuleList()
        if self.pairs:
            with evaluating(student), torch.no_grad():
                found = self._taps(**(inputs or {}))[1]
            self.projectors.extend(
                nn.Linear(found[pair.student].shape[1], (widths or {})[pair.teacher]).to(found[pair.student].device)
                for pair in self.pairs
            )

    def forward(self, **inputs: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the student's logits and, by name of a pair, its projected activation (batch, teacher's width)."""
        logits, found = self._taps(**inputs)
        pairs = zip(self.pairs, self.projectors, strict=True)
        return logits, {pair.name: project(found[pair.student]) for pair, project in pairs}
