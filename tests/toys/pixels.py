"""A toy network, which reads what `squares.SquaresReader` gives: of the catalogue, and of a user's own."""

from typing import Literal

import torch
from torch import nn

from limbeck.models import Model, ModelOptions
from limbeck.runtime.readers import Form


class PixelsSettings(ModelOptions):
    """Options of `pixels`."""

    name: Literal["pixels"] = "pixels"


class Pixels(nn.Module):
    """A linear layer over the pixels."""

    def __init__(self, settings: PixelsSettings, *, outputs: int, form: Form) -> None:
        super().__init__()
        self.head = nn.Linear(form.example["pixels"][0].size, outputs)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.head(pixels.flatten(1))


MODEL = Model("pixels", "a linear layer over pixels", PixelsSettings, Pixels, reads="squares", per="example")


def build(outputs: int, form: Form) -> nn.Module:
    return Pixels(PixelsSettings(), outputs=outputs, form=form)
