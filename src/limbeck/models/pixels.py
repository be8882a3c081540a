"""From the pixels of a file to what a network computes with, and back to one vector an image."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from limbeck.errors import LimbeckError
from limbeck.models.catalogue import ModelOptions
from limbeck.runtime.readers.image import ImageForm
from limbeck.settings import Settings

_LEAST = 6
"""An axis of fewer pixels is not halved: three stay at least, so that a window of 3 x 3 sees pixels on every side."""


class Normalise(Settings):
    """What is subtracted from each channel, and what the rest is divided by; both of pixels in [0, 1]."""

    mean: Annotated[
        tuple[Annotated[float, Field(ge=0, le=1)], ...],
        Field(min_length=1, description="one number a channel"),
    ]
    std: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1, description="one number a channel")]


class ImageOptions(ModelOptions):
    """The options that every network of images has."""

    normalise: Annotated[
        Normalise | None, Field(description="mean and std of the channels; null: those of the training images")
    ] = None


class Pixels(nn.Module):
    """Scale pixels to [0, 1], subtract each channel's mean and divide by its standard deviation.

    This is a part of the network, so that an exported file takes the bytes of an image as they are. A channel of
    standard deviation 0, which is the same in all images, is not divided.

    Args:
        form: of the images; says mean and std where the settings do not.
        normalise: see `ImageOptions`.

    Attributes:
        mean: (channels,) buffer, saved with the weights.
        std: likewise.

    Raises:
        LimbeckError: `normalise` is for another number of channels.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, form: ImageForm, normalise: Normalise | None = None) -> None:
        super().__init__()
        if normalise is not None and {len(normalise.mean), len(normalise.std)} != {form.channels}:
            raise LimbeckError(
                f"`normalise` has {len(normalise.mean)} means and {len(normalise.std)} stds, and the images have "
                f"{form.channels} {'channel' if form.channels == 1 else 'channels'}",
                where="model.normalise",
                fix="give one number a channel, or null: those of the training images",
            )
        source = normalise or form
        std = torch.tensor(source.std, dtype=torch.float32)
        self.register_buffer("mean", torch.tensor(source.mean, dtype=torch.float32))
        self.register_buffer("std", torch.where(std > 0, std, torch.ones_like(std)))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return (batch, channels, height, width) float32 of (batch, height, width, channels) uint8.

        The memory stays as it was, channels last. Convolutions keep that order, and take half the time in it.
        """
        # The channels are the last axis here: mean and std need no axes of their own.
        return ((pixels.float() / 255 - self.mean) / self.std).permute(0, 3, 1, 2)


class MeanOfPlaces(nn.Module):
    """The mean over all places of an image; a module, so that a loss of activations can name it."""

    def forward(self, values: Tensor) -> Tensor:
        """Return (batch, features) of (batch, features, height, width)."""
        return values.mean((2, 3))


def strides(form: ImageForm, count: int) -> list[tuple[int, int]]:
    """Return by what each of `count` stages divides height and width: 2, or 1 along an axis that is too short."""
    sizes, found = [form.height, form.width], []
    for _ in range(count):
        step = [2 if size >= _LEAST else 1 for size in sizes]
        sizes = [size // divisor for size, divisor in zip(sizes, step, strict=True)]
        found.append((step[0], step[1]))
    return found
