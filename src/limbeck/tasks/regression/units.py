"""A network that answers in the units of the labels."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from limbeck.logits import Factored
from limbeck.taps import Around
from limbeck.types import device_of


class InUnits(Around):
    """A network whose outputs, of about mean 0 and variance 1, become values in the labels' units.

    The scaling is part of the network: of what is trained, saved and exported. An ONNX file gives labels' units.

    Args:
        network: gives (batch, columns).
        mean: (columns,) of the training labels.
        scale: (columns,) their standard deviation, > 0.

    Attributes:
        network: what is scaled. Its activations keep their paths, see `Taps`.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, network: nn.Module, mean: NDArray[Any], scale: NDArray[Any]) -> None:
        super().__init__(network)
        for name, values in (("mean", mean), ("scale", scale)):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32, device=device_of(network)))

    def forward(self, **inputs: Tensor) -> Tensor:
        """Return values (batch, columns), float32 whatever the precision of the network."""
        return self.network(**inputs) * self.scale + self.mean

    def factored(self, inner: Factored) -> Factored:
        """Return the matrix scaled, and the mean as part of the bias; see `Around.factored`."""
        bias = self.mean if inner.bias is None else inner.bias * self.scale + self.mean
        return Factored(inner.hidden, inner.matrix * self.scale[:, None], bias)
