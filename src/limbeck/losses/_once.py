"""Gradients that are computed beside a value, and that nobody can differentiate: whoever tries is told so."""

from typing import Any

import torch
from torch import Tensor


def once(gradient: Tensor, values: Tensor) -> Tensor:
    """Return a gradient as it is; where a graph is made of it (`create_graph`), a way back through it is an error.

    Without this autograd takes it for a constant, and a second derivative misses its part in silence.

    Args:
        gradient: what `backward` returns.
        values: the function's own output, kept by `save_for_backward`: what ties the gradient to its inputs.
    """
    plain = not torch.is_grad_enabled() or torch.compiler.is_compiling()
    return gradient if plain else _Once.apply(gradient, values)


class _Once(torch.autograd.Function):
    """The gradient itself."""

    generate_vmap_rule = True

    @staticmethod
    def forward(gradient: Tensor, values: Tensor) -> Tensor:  # pyrefly: ignore[bad-override]
        """Return the gradient."""
        return gradient.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep nothing: there is no way back."""

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None]:  # pyrefly: ignore[bad-override]
        """Refuse.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("this loss can be differentiated once: its gradient has no derivative here")
